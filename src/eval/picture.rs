//! The figures of a classifier as one SVG: how much can be let through at what accuracy, whether confidence is honest, each class,
//! and what is taken for what. It is written by hand, and needs nothing to be seen but a browser.

use std::fmt::Write;

use super::measure::Figures;

const WIDTH: f64 = 1_000.0;
/// Edge of a plot's square.
const PLOT: f64 = 360.0;
const LEFT: f64 = 80.0;
const TOP: f64 = 136.0;
/// From the left edge of one plot to that of the next.
const NEXT: f64 = 480.0;
/// Height of a row of the table below.
const ROW: f64 = 26.0;
const NAME: f64 = 200.0;
/// Labels beyond this are cut: there is no more room.
const LABEL_CHARS: usize = 12;
/// The confusion of more classes is left to the JSON.
const CONFUSED_MAX: usize = 24;
/// Bars and cells begin so far below the plots.
const BELOW: f64 = TOP + PLOT + 110.0;

const STYLE: &str = "svg{background:#fff;color:#1c2126;font:14px system-ui,'PingFang SC','Microsoft YaHei','Noto Sans CJK SC',sans-serif}\
text{fill:currentColor}.soft{fill:#59636e;font-size:12px}.head{font-size:20px;font-weight:650}.title{font-weight:600}\
.grid{stroke:#d9dee3;stroke-width:1}.line{fill:none;stroke:#2b5c8a;stroke-width:2.5}.dot{fill:#2b5c8a}.even{stroke:#8d969f;stroke-dasharray:5 5}\
.bar{fill:#2b5c8a}.cell{fill:#2b5c8a}.right{text-anchor:end}.middle{text-anchor:middle}.light{fill:#fff}";

/// A drawing in the making.
struct Sheet(String);

impl Sheet {
    fn put(&mut self, part: std::fmt::Arguments<'_>) {
        self.0.write_fmt(part).expect("a string has room");
    }

    fn text(&mut self, x: f64, y: f64, class: &str, text: &str) {
        self.put(format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\">{}</text>", escaped(text)));
    }

    fn line(&mut self, from: (f64, f64), to: (f64, f64), class: &str) {
        self.put(format_args!(
            "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" class=\"{class}\"/>",
            from.0, from.1, to.0, to.1
        ));
    }

    fn curve(&mut self, points: &[(f64, f64)]) {
        let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        self.put(format_args!("<polyline points=\"{}\" class=\"line\"/>", path.join(" ")));
        for (x, y) in points {
            self.put(format_args!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" class=\"dot\"/>"));
        }
    }
}

fn escaped(text: &str) -> String {
    let keep = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().map(keep).collect::<String>().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A label that fits.
fn short(label: &str) -> String {
    let cut = label.chars().count() > LABEL_CHARS;
    label.chars().take(LABEL_CHARS).chain(cut.then_some('…')).collect()
}

/// A square with two axes.
struct Plot {
    left: f64,
    x: (f64, f64),
    y: (f64, f64),
}

impl Plot {
    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let part = |value: f64, (low, high): (f64, f64)| ((value - low) / (high - low)).clamp(0.0, 1.0);
        (self.left + PLOT * part(x, self.x), TOP + PLOT * (1.0 - part(y, self.y)))
    }

    /// Five lines each way, with what they stand for in percent.
    fn draw(&self, sheet: &mut Sheet, title: &str, across: &str, upwards: &str) {
        const LINES: u32 = 5;
        sheet.text(self.left, TOP - 28.0, "title", title);
        sheet.text(self.left, TOP - 10.0, "soft", upwards);
        sheet.text(self.left + PLOT, TOP + PLOT + 40.0, "soft right", across);
        let share = |n: u32, (low, high): (f64, f64)| low + (high - low) * f64::from(n) / f64::from(LINES);
        for n in 0..=LINES {
            let (x, y) = (share(n, self.x), share(n, self.y));
            sheet.line(self.at(x, self.y.0), self.at(x, self.y.1), "grid");
            sheet.line(self.at(self.x.0, y), self.at(self.x.1, y), "grid");
            sheet.text(self.at(x, self.y.0).0, TOP + PLOT + 18.0, "soft middle", &percent(x));
            sheet.text(self.left - 8.0, self.at(self.x.0, y).1 + 4.0, "soft right", &percent(y));
        }
    }
}

fn percent(share: f64) -> String {
    let tenths = (share * 1_000.0).round() / 10.0;
    if tenths.fract() == 0.0 { format!("{tenths:.0} %") } else { format!("{tenths:.1} %") }
}

/// Draws figures.
pub(super) fn draw(figures: &Figures) -> String {
    let classes = figures.classes.len();
    let confused = if classes <= CONFUSED_MAX { classes } else { 0 };
    let height = BELOW + 40.0 + ROW * classes as f64 + if confused > 0 { 150.0 + ROW * confused as f64 } else { 0.0 };
    let mut sheet = Sheet(String::new());
    sheet.put(format_args!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height:.0}\" viewBox=\"0 0 {WIDTH} {height:.0}\" \
         role=\"img\"><title>文本分类 text classifier</title><style>{STYLE}</style>\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>"
    ));
    sheet.text(LEFT, 44.0, "head", "文本分类 text classifier");
    let head = format!(
        "消息 messages {} · macro-F1 {:.4} · 准确率 accuracy {:.4} · 校准误差 ECE {:.4}",
        figures.messages, figures.macro_f1, figures.accuracy, figures.ece
    );
    sheet.text(LEFT, 68.0, "", &head);
    coverage(&mut sheet, figures);
    calibration(&mut sheet, figures);
    each_class(&mut sheet, figures);
    if confused > 0 {
        confusion(&mut sheet, figures, BELOW + 40.0 + ROW * classes as f64 + 70.0);
    }
    sheet.put(format_args!("</svg>\n"));
    sheet.0
}

/// Accuracy of the most confident.
fn coverage(sheet: &mut Sheet, figures: &Figures) {
    let least = figures.coverage.iter().map(|one| one.accuracy).fold(1.0, f64::min);
    // A scale that shows differences, and ends at a whole tenth.
    let low = ((least * 10.0 - 0.2).floor() / 10.0).max(0.0);
    let plot = Plot { left: LEFT, x: (0.0, 1.0), y: (low, 1.0) };
    plot.draw(
        sheet,
        "覆盖与准确率 coverage and accuracy",
        "按置信度放行 let through, the most confident first",
        "准确率 accuracy",
    );
    let points: Vec<_> = figures.coverage.iter().map(|one| plot.at(one.percent as f64 / 100.0, one.accuracy)).collect();
    sheet.curve(&points);
}

/// Whether confidence is what it says.
fn calibration(sheet: &mut Sheet, figures: &Figures) {
    let plot = Plot { left: LEFT + NEXT, x: (0.0, 1.0), y: (0.0, 1.0) };
    plot.draw(sheet, "置信度是否可信 is confidence honest", "置信度 confidence", "准确率 accuracy");
    sheet.line(plot.at(0.0, 0.0), plot.at(1.0, 1.0), "even");
    let points: Vec<_> = figures.calibration.iter().map(|bin| plot.at(bin.confidence, bin.accuracy)).collect();
    sheet.curve(&points);
}

fn each_class(sheet: &mut Sheet, figures: &Figures) {
    const BAR: f64 = 380.0;
    sheet.text(LEFT, BELOW, "title", "各类别 F1 by class");
    sheet.text(LEFT + NAME + BAR + 60.0, BELOW, "soft", "精确 precision · 召回 recall · 消息 messages");
    for (n, class) in figures.classes.iter().enumerate() {
        let y = BELOW + 20.0 + ROW * n as f64;
        sheet.text(LEFT + NAME - 10.0, y + 14.0, "right", &short(&class.label));
        sheet.put(format_args!(
            "<rect x=\"{:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"18\" class=\"bar\"/>",
            LEFT + NAME,
            BAR * class.f1
        ));
        sheet.text(LEFT + NAME + BAR * class.f1 + 6.0, y + 14.0, "soft", &format!("{:.3}", class.f1));
        let figures = format!("{:.3} · {:.3} · {}", class.precision, class.recall, class.messages);
        sheet.text(LEFT + NAME + BAR + 60.0, y + 14.0, "soft", &figures);
    }
}

/// What is taken for what: the darker, the more of a class's messages.
fn confusion(sheet: &mut Sheet, figures: &Figures, top: f64) {
    let count = figures.classes.len() as f64;
    let width = ((WIDTH - LEFT - NAME - 40.0) / count).min(90.0);
    sheet.text(LEFT, top - 44.0, "title", "混淆矩阵 confusion: 行为实际 rows are right, 列为判断 columns were said");
    for (n, class) in figures.classes.iter().enumerate() {
        let (x, y) = (LEFT + NAME + width * (n as f64 + 0.5), top + ROW * n as f64);
        let room = ((width / 13.0) as usize).max(1);
        let name: String = class.label.chars().take(room).collect();
        sheet.text(x, top - 12.0, "soft middle", &name);
        sheet.text(LEFT + NAME - 10.0, y + 18.0, "right", &short(&class.label));
        for (said, times) in figures.confusion[n].iter().enumerate() {
            let share = *times as f64 / class.messages.max(1) as f64;
            let x = LEFT + NAME + width * said as f64;
            sheet.put(format_args!(
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" class=\"cell\" fill-opacity=\"{:.3}\"/>",
                width - 2.0,
                ROW - 2.0,
                if *times == 0 { 0.03 } else { 0.1 + 0.9 * share.sqrt() }
            ));
            if *times > 0 {
                let class = if share > 0.2 { "soft middle light" } else { "soft middle" };
                sheet.text(x + width / 2.0 - 1.0, y + 17.0, class, &times.to_string());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::measure::Judged;
    use super::*;

    #[test]
    fn a_picture_is_whole_and_names_what_it_shows() {
        let judged = [(0, 0, 900), (0, 1, 400), (1, 1, 800)];
        let judged = judged.map(|(class, said, confidence)| Judged { class, said, confidence });
        let picture = draw(&Figures::of(&["水<务>", "路灯"], &judged));
        assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"));
        assert!(picture.contains("水&lt;务&gt;") && !picture.contains("NaN"), "{picture}");
        for element in ["text", "svg", "title", "style"] {
            let count = |mark: &str| picture.matches(mark).count();
            let opened = count(&format!("<{element} ")) + count(&format!("<{element}>"));
            assert_eq!(opened, count(&format!("</{element}>")), "{element}");
        }
        draw(&Figures::of(&["a"], &[]));
    }
}
