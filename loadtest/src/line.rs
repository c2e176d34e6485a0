//! One line of the bench workload: a report, and the bytes it is written in.

use crate::bench_city::{SOUTH, WEST};
use crate::pen::{boolean, decimal, degrees, fixed, hex, padded, text};
use crate::rng::Rng;

/// Who sends a report.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A device: ASCII only, nested objects.
    Sensor,
    /// A citizen's telephone application: short text, sometimes with escapes.
    App,
    /// The hotline: 60–200 characters of Chinese.
    Hotline,
}

/// The part of a report that the job reads; the rest of a line is decoration.
#[derive(Clone, Copy)]
pub struct Report {
    /// Who sends it.
    pub source: Source,
    /// The number that makes its id unique; none makes the id empty, which the job refuses.
    pub number: Option<u64>,
    /// Event time in milliseconds.
    pub ts: u64,
    /// Micro-degrees east of the city's west edge.
    pub east: u32,
    /// Micro-degrees north of the city's south edge; below zero lies outside.
    pub north: i32,
    /// What it is about.
    pub category: &'static str,
}

/// What citizens complain about, in clauses that can follow each other in any order.
const CLAUSES: [&str; 40] = [
    "小区北门外的人行道塌了一块",
    "下雨以后路口总是一片汪洋",
    "楼下烧烤店每天营业到凌晨",
    "垃圾厢房三天没有人来收",
    "老人经过时差点滑倒",
    "路边的大树被风吹斜了",
    "树枝压在电线上冒火花",
    "井里一直往外冒脏水",
    "整栋楼从早上起就没有水",
    "水龙头放出来的水发黄",
    "楼道里的灯坏了半个月",
    "工地半夜还在打桩",
    "邻居装修周末也不停",
    "充电车把安全出口堵死了",
    "电梯经常停在两层之间",
    "屋顶漏水滴到客厅里",
    "外墙瓷砖掉下来砸到汽车",
    "共享单车堆满了盲道",
    "货车长期停在公交车站",
    "红绿灯同时亮着很混乱",
    "围挡占了整条非机动车道",
    "闻到很浓的煤气味",
    "河道里漂着死鱼发臭",
    "有人在绿地里乱倒建筑渣土",
    "广场上的音响开得太大",
    "变电箱的门一直敞开着",
    "孩子上学只能绕道走",
    "已经打过两次电话没有结果",
    "物业说这件事不归他们管",
    "请派人到现场看一看",
    "希望今天之内能有答复",
    "多位居民都有同样的意见",
    "照片已经通过手机上传",
    "消防栓旁边停满了私家车",
    "路面有一个很深的坑",
    "护栏被撞断后没有修复",
    "空调外机整夜轰鸣",
    "菜场门口污水横流",
    "健身器材螺丝松动",
    "地下车库积水没过脚面",
];

/// Invented roads.
#[rustfmt::skip]
const ROADS: [&str; 24] = [
    "青禾北一路", "望帆港支路", "桂岭西大街", "云锦南大道", "听雨湖一路", "梅溪老街巷", "长汀东二路", "白鹭洲大街",
    "南浦小环路", "石桥头横路", "芦苇荡中路", "星河湾二路", "枫林桥南路", "学海书院街", "渡口村老街", "银杏园中路",
    "玉兰花新村", "海棠花园里", "锦绣坊西路", "双桥镇北街", "东篱下小路", "春笋村支路", "月河岸北街", "竹园里大道",
];

/// What escapes in an app's text look like.
const ESCAPED: [&str; 3] = ["\\n\\\"请尽快\\\"", "\\n\\\"第二次反映\\\"", "\\t\\\"急\\\"\\/"];

/// Bytes of a Chinese character in UTF-8; every character of the tables above has as many.
const HAN_BYTES: usize = 3;

impl Report {
    /// Appends the report as one line without its newline; what the job does not read is drawn from `rng`.
    pub fn write(&self, rng: &mut Rng, out: &mut Vec<u8>) {
        let (source, prefix) = match self.source {
            Source::Sensor => ("sensor", "SN-"),
            Source::App => ("app", "AP-"),
            Source::Hotline => ("hotline", "HL-"),
        };
        text(out, "{\"source\":\"");
        text(out, source);
        text(out, "\",\"id\":\"");
        if let Some(number) = self.number {
            text(out, prefix);
            hex(out, rng, 4);
            text(out, "-");
            padded(out, number, 9);
        }
        text(out, "\",\"ts\":");
        decimal(out, self.ts);
        degrees(out, ",\"lng\":", WEST + self.east as i32);
        degrees(out, ",\"lat\":", SOUTH + self.north);
        text(out, ",\"category\":\"");
        text(out, self.category);
        text(out, "\",\"severity\":");
        decimal(out, u64::from(rng.between(1, 5)));
        match self.source {
            Source::Sensor => sensor(rng, out),
            Source::App => app(rng, out),
            Source::Hotline => hotline(rng, out),
        }
    }
}

fn sensor(rng: &mut Rng, out: &mut Vec<u8>) {
    text(out, ",\"device\":{\"type\":\"iot-");
    padded(out, u64::from(rng.between(1, 40)), 2);
    text(out, "\",\"fw\":\"3.");
    decimal(out, u64::from(rng.below(10)));
    text(out, ".");
    decimal(out, u64::from(rng.below(30)));
    fixed(out, "\",\"battery\":", rng.between(3_000, 4_000) / 10, 2);
    fixed(out, "},\"readings\":{\"value\":", rng.between(1_000, 249_999), 3);
    fixed(out, ",\"threshold\":", rng.between(100, 199) * 10, 1);
    text(out, ",\"unit\":\"");
    text(out, rng.pick(&["mm", "cm", "dB", "kW"]));
    text(out, "\",\"seq\":");
    decimal(out, u64::from(rng.between(100_000, 999_999)));
    text(out, "},\"text\":\"value over the limit, channel ");
    decimal(out, u64::from(rng.between(1, 16)));
    text(out, "\",\"addr\":\"");
    address(rng, out);
    text(out, "\",\"trace\":\"");
    hex(out, rng, 16);
    text(out, "\"}");
}

fn app(rng: &mut Rng, out: &mut Vec<u8>) {
    text(out, ",\"user\":\"u");
    hex(out, rng, 12);
    text(out, "\",\"text\":\"");
    complaint(rng, out, 12, 36);
    if rng.below(20) == 0 {
        text(out, rng.pick(&ESCAPED));
    }
    text(out, "\",\"photos\":[\"/p/");
    hex(out, rng, 16);
    text(out, ".jpg\",\"/p/");
    hex(out, rng, 16);
    text(out, ".jpg\"],\"addr\":\"");
    text(out, rng.pick(&ROADS));
    decimal(out, u64::from(rng.between(1, 2_999)));
    text(out, "弄");
    decimal(out, u64::from(rng.between(1, 99)));
    text(out, "号\",\"anonymous\":");
    boolean(rng, out);
    text(out, ",\"client\":\"");
    text(out, rng.pick(&["ios 18.", "and 16."]));
    decimal(out, u64::from(rng.below(6)));
    text(out, "\"}");
}

fn hotline(rng: &mut Rng, out: &mut Vec<u8>) {
    text(out, ",\"phone\":\"139****");
    padded(out, u64::from(rng.below(10_000)), 4);
    text(out, "\",\"operator\":\"OP");
    padded(out, u64::from(rng.below(320)), 3);
    text(out, "\",\"text\":\"");
    complaint(rng, out, 60, 200);
    text(out, "\",\"addr\":\"");
    address(rng, out);
    text(out, "\",\"callback\":");
    boolean(rng, out);
    text(out, "}");
}

/// `chars_min..=chars_max` characters of clauses with commas between them, cut where the length is reached.
fn complaint(rng: &mut Rng, out: &mut Vec<u8>, chars_min: u32, chars_max: u32) {
    let end = out.len() + HAN_BYTES * rng.between(chars_min, chars_max) as usize;
    while out.len() < end {
        text(out, rng.pick(&CLAUSES));
        text(out, "，");
    }
    out.truncate(end);
}

fn address(rng: &mut Rng, out: &mut Vec<u8>) {
    text(out, rng.pick(&ROADS));
    decimal(out, u64::from(rng.between(1, 1_999)));
    text(out, "号");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_hold_three_byte_characters_only() {
        for entry in CLAUSES.iter().chain(&ROADS) {
            assert!(entry.chars().all(|c| c.len_utf8() == HAN_BYTES), "{entry}");
        }
    }
}
