//! What it costs to tell what a text is about: normalised, taken apart, looked up, weighed, with how sure that is.
//!
//! ```sh
//! cargo bench --bench text                                                # a model of messages that are made up here
//! MODEL=text.model DATA=messages.jsonl cargo bench --bench text           # a model and messages of your own
//! ```
//!
//! Messages are cut or joined to 150 characters. A model of made-up words is small and lies in the nearest caches; one of a hundred
//! thousand runs does not, so look at both.

use std::hint::black_box;
use std::path::PathBuf;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use paidan::city::text::{Model, grams, normalise};
use paidan::rehearsal::rng::Rng;
use paidan::train::corpus::{Corpus, Message};
use paidan::train::{Progress, learn};

/// The characters of a message.
const CHARS: usize = 150;

/// Words of four matters, and words of none.
const WORDS: [&[&str]; 5] = [
    &["路灯", "灯杆", "不亮", "漆黑", "照明", "灯罩", "夜里", "忽明忽暗"],
    &["水管", "爆裂", "停水", "漏水", "黄水", "水压", "窨井", "积水"],
    &["垃圾", "清运", "臭味", "渣土", "打扫", "保洁", "满溢", "偷倒"],
    &["车辆", "乱停", "堵车", "公交", "逆行", "红绿灯", "斑马线", "占道"],
    &[
        "我们", "小区", "门口", "的", "了", "已经", "反映", "几次", "请", "处理", "居民", "谢谢", "有关", "部门",
        "12号", "3天",
    ],
];

/// A message of a matter, at least so long.
fn message(rng: &mut Rng, matter: usize) -> Message {
    let mut text = String::new();
    while text.chars().count() < CHARS {
        let of = if rng.below(3) == 0 { matter } else { WORDS.len() - 1 };
        text += rng.pick(WORDS[of]);
        if rng.below(6) == 0 {
            text.push(',');
        }
    }
    Message { title: "".into(), text: text.into(), label: matter.to_string().into(), group: None }
}

/// A model and messages: of the environment, or made up.
fn given() -> (Model, Vec<Message>) {
    let named = |name| std::env::var_os(name).map(PathBuf::from);
    if let (Some(model), Some(data)) = (named("MODEL"), named("DATA")) {
        let corpus = Corpus::read(&[data]).expect("messages");
        return (paidan::eval::model(&model).expect("a model"), corpus.messages);
    }
    let mut rng = Rng::seeded(1);
    let messages: Vec<Message> = (0..2_000).map(|n| message(&mut rng, n % (WORDS.len() - 1))).collect();
    let (model, _) = learn(&messages, 1, &Progress::new(false)).expect("four matters");
    (model, messages)
}

fn classify(criterion: &mut Criterion) {
    let (model, messages) = given();
    let right = |message: &&Message| {
        let guess = model.classify(message.title.chars(), message.text.chars());
        *model.labels()[usize::from(guess.class)] == *message.label
    };
    let share = messages.iter().filter(right).count() as f64 / messages.len() as f64;
    assert!(share > 0.9, "the model is right about {share} of the messages");
    let of_length = |message: &Message| {
        let text: String = message.text.chars().take(CHARS).collect();
        (text.chars().count() == CHARS).then_some(text)
    };
    let texts: Vec<String> = messages.iter().filter_map(of_length).take(1_000).collect();
    assert!(texts.len() > 100, "there are too few messages of {CHARS} characters");
    let mut group = criterion.benchmark_group("a text of 150 characters");
    group.throughput(Throughput::Elements(1)).warm_up_time(Duration::from_millis(500)).sample_size(50);
    let mut next = texts.iter().cycle();
    group.bench_function("classify", |bencher| {
        bencher.iter(|| black_box(model.classify("".chars(), next.next().expect("for ever").chars())));
    });
    group.bench_function("of that, normalise", |bencher| {
        bencher.iter(|| {
            let mut sum = 0;
            normalise(next.next().expect("for ever").chars(), |c| sum ^= u32::from(c));
            sum
        });
    });
    group.bench_function("of that, normalise and take apart", |bencher| {
        bencher.iter(|| {
            let mut sum = 0;
            grams("".chars(), next.next().expect("for ever").chars(), |gram| sum ^= gram.hash);
            sum
        });
    });
    group.bench_function("reasons, on demand", |bencher| {
        bencher.iter(|| model.reasons("".chars(), next.next().expect("for ever").chars(), 10).1.len());
    });
    group.finish();
}

criterion_group!(benches, classify);
criterion_main!(benches);
