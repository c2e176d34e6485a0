//! Figures for Prometheus. Their labels are sources, urgencies, stages and doors of the city and the program: bounded, and never
//! anything that a citizen said.

use std::fmt;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use hdrhistogram::Histogram;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

use super::answer;
use super::keys::REFUSED;
use super::office::Office;
use crate::meter::Stage;
use crate::report::Urgency;

/// Upper bounds of the buckets of latencies, in seconds.
const BUCKETS: [f64; 14] = [0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0];

pub(super) async fn show(State(office): State<Arc<Office>>) -> Response {
    let mut registry = Registry::with_prefix("paidan");
    registry.register_collector(Box::new(Figures(office)));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).expect("writing to memory cannot fail");
    answer::with_type(StatusCode::OK, "application/openmetrics-text; version=1.0.0; charset=utf-8", text.into_bytes())
}

struct Figures(Arc<Office>);

impl fmt::Debug for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Figures")
    }
}

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        self.reports(&mut encoder)?;
        self.work(&mut encoder)?;
        self.latencies(&mut encoder)?;
        self.doors(&mut encoder)?;
        self.service(&mut encoder)
    }
}

impl Figures {
    fn reports(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Reports since the log began, by source and by what became of them";
        let mut family = encoder.encode_descriptor("reports", help, None, MetricType::Counter)?;
        let hall = self.0.hall();
        let names = self.0.city.sources.iter().map(|source| &*source.name).chain(["(none)"]);
        for (source, account) in names.zip(hall.ledger.accounts()) {
            let outcomes = [
                ("rejected", account.rejected),
                ("shed", account.shed),
                ("observed", account.observed),
                ("expired", account.expired),
                ("duplicate", account.duplicate),
                ("merged", account.merged),
                ("opened", account.opened),
            ];
            for (outcome, count) in outcomes {
                encode(&mut family, &[("source", source), ("outcome", outcome)], &ConstCounter::new(count))?;
            }
        }
        Ok(())
    }

    fn work(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "What happened to cases and orders since the log began";
        let mut family = encoder.encode_descriptor("work", help, None, MetricType::Counter)?;
        let work = self.0.hall().ledger.work;
        let events = [
            ("assigned", work.assigned),
            ("waiting", work.waiting),
            ("review", work.review),
            ("reassigned", work.reassigned),
            ("accepted", work.accepted),
            ("returned", work.returned),
            ("done", work.done),
            ("closed", work.closed),
            ("suspended", work.suspended),
            ("resumed", work.resumed),
            ("refused", work.acts_refused),
            ("forgotten", work.forgotten),
        ];
        for (event, count) in events {
            encode(&mut family, &[("event", event)], &ConstCounter::new(count))?;
        }
        Ok(())
    }

    fn latencies(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "From the door to the published decision, by urgency, in this life of the process";
        let mut family = encoder.encode_descriptor("latency", help, Some(&Unit::Seconds), MetricType::Histogram)?;
        let hall = self.0.hall();
        for urgency in Urgency::ALL {
            let times = &hall.latency.of(urgency).total;
            encode(&mut family, &[("urgency", urgency.letter())], &Times(times))?;
        }
        let help = "The same, by stage of the way";
        let mut family = encoder.encode_descriptor("stage", help, Some(&Unit::Seconds), MetricType::Histogram)?;
        for urgency in Urgency::ALL {
            for (stage, times) in Stage::ALL.iter().zip(&hall.latency.of(urgency).stages) {
                encode(&mut family, &[("urgency", urgency.letter()), ("stage", stage.name())], &Times(times))?;
            }
        }
        let help = "Reports that took longer than their budget, by urgency and the stage that took the most";
        let mut family = encoder.encode_descriptor("budget_missed", help, None, MetricType::Counter)?;
        for urgency in Urgency::ALL {
            for (stage, missed) in Stage::ALL.iter().zip(hall.latency.of(urgency).missed) {
                let labels = [("urgency", urgency.letter()), ("stage", stage.name())];
                encode(&mut family, &labels, &ConstCounter::new(missed))?;
            }
        }
        Ok(())
    }

    fn doors(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "The part of a door's room that is taken by what is under way";
        let mut family = encoder.encode_descriptor("door_fullness", help, None, MetricType::Gauge)?;
        for counter in &self.0.counters {
            encode(&mut family, &[("door", counter.name())], &ConstGauge::new(counter.fullness()))?;
        }
        let help = "Bytes that were taken at a door";
        let mut family = encoder.encode_descriptor("door", help, Some(&Unit::Bytes), MetricType::Counter)?;
        for counter in &self.0.counters {
            encode(&mut family, &[("door", counter.name())], &ConstCounter::new(counter.bytes()))?;
        }
        let help = "Parcels that found no room at a door, and were sent away to come again";
        let mut family = encoder.encode_descriptor("door_full", help, None, MetricType::Counter)?;
        for counter in &self.0.counters {
            encode(&mut family, &[("door", counter.name())], &ConstCounter::new(counter.refused()))?;
        }
        let help =
            "Deliveries that were more than their sender may send: turned away over HTTP, made to wait elsewhere";
        let mut family = encoder.encode_descriptor("rate_limited", help, None, MetricType::Counter)?;
        for counter in &self.0.counters {
            encode(&mut family, &[("door", counter.name())], &ConstCounter::new(counter.limited()))?;
        }
        let help = "Requests and connections that were refused for their key, by reason";
        let mut family = encoder.encode_descriptor("keys_refused", help, None, MetricType::Counter)?;
        for (why, refused) in REFUSED.into_iter().zip(self.0.keys.refused()) {
            encode(&mut family, &[("reason", why)], &ConstCounter::new(refused))?;
        }
        Ok(())
    }

    fn service(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let (next, closes) = {
            let hall = self.0.hall();
            (hall.next.0, hall.ledger.closes())
        };
        let followers = self.0.followers.iter();
        let (mut count, mut behind) = (0_u64, 0);
        for follower in followers {
            count += 1;
            behind = behind.max(next.saturating_sub(follower.next.0));
        }
        let gauges = [
            ("records", "Records that the log holds", next.saturating_sub(1)),
            ("ledger_closes", "1 while every report is under exactly one heading", u64::from(closes)),
            ("followers", "Who follows the decisions", count),
            ("followers_behind", "How many records the slowest of them is behind", behind),
        ];
        for (name, help, value) in gauges {
            let gauge = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(value as f64).encode(gauge)?;
        }
        Ok(())
    }
}

fn encode<const N: usize>(
    family: &mut MetricEncoder<'_>,
    labels: &[(&str, &str); N],
    metric: &impl EncodeMetric,
) -> fmt::Result {
    metric.encode(family.encode_family(labels)?)
}

/// A histogram of nanoseconds as one of seconds.
struct Times<'a>(&'a Histogram<u64>);

impl EncodeMetric for Times<'_> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let Self(times) = self;
        let sum: f64 = times
            .iter_recorded()
            .map(|step| times.median_equivalent(step.value_iterated_to()) as f64 * step.count_at_value() as f64)
            .sum();
        let mut buckets: Vec<(f64, u64)> = Vec::with_capacity(BUCKETS.len() + 1);
        let mut below = 0;
        for bound in BUCKETS {
            let all = times.count_between(0, (bound * 1e9) as u64);
            buckets.push((bound, all - below));
            below = all;
        }
        buckets.push((f64::MAX, times.len() - below));
        encoder.encode_histogram::<NoLabelSet>(sum / 1e9, times.len(), &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}
