//! How people word what they report: the same fact in other words, another order, with other fillers.
//!
//! A text is put together from pieces of tables into the caller's buffer; nothing is allocated.

use super::facts::{MARKS, ROAD_KINDS, ROAD_NAMES, Topic};
use crate::rehearsal::pen::{decimal, text};
use crate::rehearsal::rng::Rng;

/// Where something is, in words: a road, a number and what is near, all given by these bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Address(u32);

impl Address {
    /// Some address.
    pub fn draw(rng: &mut Rng) -> Self {
        Self(rng.bits() as u32)
    }

    fn road(self, out: &mut Vec<u8>) {
        text(out, ROAD_NAMES[self.0 as usize % ROAD_NAMES.len()]);
        text(out, ROAD_KINDS[(self.0 >> 5) as usize % ROAD_KINDS.len()]);
    }

    const fn number(self) -> u64 {
        1 + (self.0 >> 8) as u64 % 1_999
    }

    fn mark(self) -> &'static str {
        MARKS[(self.0 >> 19) as usize % MARKS.len()]
    }

    /// As it stands on a letter.
    pub fn write(self, out: &mut Vec<u8>) {
        self.road(out);
        decimal(out, self.number());
        text(out, "号");
    }

    /// As somebody describes it who is there.
    fn describe(self, rng: &mut Rng, out: &mut Vec<u8>) {
        match rng.below(6) {
            0 => {
                self.write(out);
                text(out, self.mark());
            }
            1 => {
                self.write(out);
                text(out, rng.pick(&["附近", "旁边", "门口", "边上"]));
            }
            2 => {
                self.road(out);
                text(out, self.mark());
            }
            3 => {
                self.road(out);
                text(out, rng.pick(&["靠近", "近", "快到"]));
                decimal(out, self.number());
                text(out, "弄的地方");
            }
            4 => {
                text(out, self.mark());
                text(out, "（");
                self.write(out);
                text(out, "）");
            }
            _ => {
                self.road(out);
                text(out, "上，");
                text(out, self.mark());
                text(out, rng.pick(&["那里", "那边", "这里"]));
            }
        }
    }
}

const WHEN: [&str; 16] = [
    "今天早上",
    "刚才",
    "从昨天晚上开始",
    "今天下午",
    "这两天",
    "最近一个星期",
    "半小时前",
    "现在",
    "大概十分钟前",
    "从今天凌晨起",
    "刚刚路过时发现",
    "天刚亮的时候",
    "这会儿",
    "下班路上看到",
    "中午前后",
    "一大早",
];
const OPENERS: [&str; 12] = [
    "市民来电反映",
    "来电人称",
    "您好，我要反映一个情况",
    "市民求助",
    "来电反映",
    "居民投诉",
    "我是附近的居民",
    "来电人为过路群众，表示",
    "市民再次来电",
    "热心市民反映",
    "来电人代邻居反映",
    "你好，想请你们管一管",
];
const PLEAS: [&str; 14] = [
    "请尽快派人处理",
    "希望有人来看一下",
    "麻烦快点来人",
    "请相关部门到现场核实",
    "要求尽快解决",
    "请给个答复",
    "希望今天之内能处理",
    "恳请马上安排",
    "盼回复",
    "请先做好安全围护",
    "希望彻底解决不要反复",
    "请转交负责的部门",
    "拜托了",
    "请联系来电人",
];
const FILLERS: [&str; 24] = [
    "已经持续好几天了",
    "周围邻居都有意见",
    "之前打过电话没有结果",
    "物业说不归他们管",
    "居委会来看过但没有办法",
    "照片可以提供",
    "来往的人很多",
    "附近有学校",
    "老人和孩子出行不便",
    "到了晚上更加危险",
    "情况还在加重",
    "没有看到任何警示标志",
    "路过的人都在议论",
    "问题一直反反复复",
    "上次处理以后没过多久又这样",
    "现场暂时没有人员管理",
    "来电人可以在现场等候",
    "具体位置见地图上的标记",
    "受影响的大约有几十户人家",
    "交通已经受到影响",
    "天气预报说还要下雨",
    "来电人希望对个人信息保密",
    "多次沟通都没有效果",
    "目前无人员受伤",
];
const PARTICLES: [&str; 8] = ["", "", "啊", "了呀", "呢", "哦", "，真是的", "，太吓人了"];
const LEADS: [&str; 8] = ["", "", "就在", "位置在", "我在", "看到", "发现", "地点是"];
const TAILS: [&str; 8] = ["", "", "🙏", "😡", "[图片]", "！！", "，谢谢", "，谢谢🙏"];
/// As they stand in a JSON string.
const ESCAPED: [&str; 3] = ["\\n\\\"请尽快\\\"", "\\n第二次反映\\t急", "\\n见 http:\\/\\/t.cn\\/xxxx"];

/// How many characters a hotline's text has; those of an app have as many as it takes, 8 to some 70.
pub const HOTLINE_CHARS: std::ops::RangeInclusive<usize> = 60..=200;
/// Bytes of a Chinese character. A piece has at most 30 characters, so that one that begins before the last of these
/// bytes ends within the range.
const HAN_BYTES: u32 = 3;
const LAST_PIECE_CHARS: u32 = 30;

/// What somebody types on a telephone.
pub fn typed(topic: &Topic, address: Address, rng: &mut Rng, out: &mut Vec<u8>) {
    match rng.below(5) {
        0 => {
            address.describe(rng, out);
            text(out, rng.pick(topic.facts));
            text(out, rng.pick(&PARTICLES));
            text(out, "，");
            text(out, rng.pick(&PLEAS));
        }
        1 => {
            text(out, rng.pick(topic.facts));
            text(out, rng.pick(&PARTICLES));
            text(out, "，");
            text(out, rng.pick(&LEADS));
            address.describe(rng, out);
        }
        2 => {
            text(out, rng.pick(&WHEN));
            address.describe(rng, out);
            text(out, rng.pick(topic.facts));
            text(out, "，");
            text(out, rng.pick(topic.effects));
        }
        3 => {
            text(out, rng.pick(topic.effects));
            text(out, rng.pick(&["，因为", "！", "。"]));
            address.describe(rng, out);
            text(out, rng.pick(topic.facts));
        }
        _ => {
            text(out, rng.pick(&LEADS));
            address.describe(rng, out);
            text(out, "，");
            text(out, rng.pick(topic.facts));
            text(out, rng.pick(&PARTICLES));
        }
    }
    text(out, rng.pick(&TAILS));
    if rng.below(20) == 0 {
        text(out, rng.pick(&ESCAPED));
    }
}

/// What a hotline's operator writes down: [`HOTLINE_CHARS`] characters.
pub fn written_down(topic: &Topic, address: Address, rng: &mut Rng, out: &mut Vec<u8>) {
    let (min, max) = (*HOTLINE_CHARS.start() as u32, *HOTLINE_CHARS.end() as u32 - LAST_PIECE_CHARS);
    let end = out.len() + (HAN_BYTES * rng.between(min, max)) as usize;
    text(out, rng.pick(&OPENERS));
    text(out, rng.pick(&["：", "，"]));
    let cause_first = rng.below(3) == 0;
    if cause_first {
        text(out, rng.pick(topic.effects));
        text(out, rng.pick(&["，原因是", "，起因是", "。"]));
    }
    text(out, rng.pick(&WHEN));
    address.describe(rng, out);
    text(out, rng.pick(topic.facts));
    text(out, "，");
    if !cause_first {
        text(out, rng.pick(topic.effects));
        text(out, "，");
    }
    text(out, rng.pick(&PLEAS));
    text(out, "。");
    fill(end, rng, out);
}

/// Steps prime to the number of fillers: whichever is taken, no filler comes twice before all have come.
const STEPS: [usize; 7] = [1, 5, 7, 11, 13, 17, 23];

/// Fillers, none of them twice, until a text is `end` bytes long; ends the last sentence.
fn fill(end: usize, rng: &mut Rng, out: &mut Vec<u8>) {
    let (mut filler, step) = (rng.below(FILLERS.len() as u32) as usize, rng.pick(&STEPS));
    let mut between = "。";
    while out.len() < end {
        text(out, FILLERS[filler % FILLERS.len()]);
        between = rng.pick(&["，", "。", "；"]);
        text(out, between);
        filler += step;
    }
    out.truncate(out.len() - between.len());
    text(out, "。");
}

/// What a partner's or a patrol's terminal sends.
pub fn noted(topic: &Topic, address: Address, rng: &mut Rng, out: &mut Vec<u8>) {
    text(out, rng.pick(&["巡查发现", "现场核实", "巡逻时看到", "值班上报", "接群众反映"]));
    text(out, "：");
    address.describe(rng, out);
    text(out, rng.pick(topic.facts));
    if rng.below(2) == 0 {
        text(out, "，");
        text(out, rng.pick(topic.effects));
    }
    text(out, "。");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::profile::facts::TOPICS;
    use std::collections::HashSet;

    type Style = fn(&Topic, Address, &mut Rng, &mut Vec<u8>);

    /// Texts of one incident after the other: every topic and address says `each` texts.
    fn texts(style: Style, each: usize) -> Vec<String> {
        let mut rng = Rng::seeded(11);
        let mut said = Vec::new();
        for topic in &TOPICS {
            let address = Address::draw(&mut rng);
            for _ in 0..each {
                let mut out = Vec::new();
                style(topic, address, &mut rng, &mut out);
                said.push(String::from_utf8(out).expect("pieces are UTF-8"));
            }
        }
        said
    }

    #[test]
    fn one_incident_is_told_in_many_ways() {
        let check = |style: Style, least: usize| {
            let said = texts(style, 200);
            let distinct = said.iter().collect::<HashSet<_>>().len();
            assert!(distinct * 100 >= said.len() * least, "{distinct} of {}", said.len());
        };
        check(typed, 85);
        check(written_down, 100);
        check(noted, 60);
    }

    #[test]
    fn texts_are_strings_of_json_and_as_long_as_they_should_be() {
        let check = |style: Style, chars: std::ops::RangeInclusive<usize>| {
            for said in texts(style, 300) {
                let quoted = format!("\"{said}\"");
                let plain: String = serde_json::from_str(&quoted).unwrap_or_else(|e| panic!("{quoted}: {e}"));
                assert!(chars.contains(&plain.chars().count()), "{}: {plain}", plain.chars().count());
            }
        };
        check(typed, 6..=110);
        check(written_down, HOTLINE_CHARS);
        check(noted, 10..=80);
    }
}
