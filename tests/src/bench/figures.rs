//! The figures of a benchmark: samples, a table of them, and the one line of JSON for programs.
//! Nothing here measures.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

/// Measured values of one kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Samples(Vec<f64>);

impl Samples {
    pub(super) const fn new() -> Self {
        Self(vec![])
    }

    pub(super) fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// Adds a time, in milliseconds.
    pub(super) fn push_ms(&mut self, time: Duration) {
        self.push(time.as_secs_f64() * 1000.0);
    }

    /// Adds all samples of another set.
    pub(super) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    #[must_use]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    #[must_use]
    pub(super) fn median(&self) -> f64 {
        self.percentile(50)
    }

    /// The percentile by nearest rank: always a measured value. `NaN` if there are no samples.
    #[must_use]
    pub(super) fn percentile(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        sorted.get(rank - 1).copied().unwrap_or(f64::NAN)
    }

    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "the number of samples is small")]
    pub(super) fn mean(&self) -> f64 {
        self.0.iter().sum::<f64>() / self.0.len() as f64
    }

    /// The rate of equal parts that ran at these rates one after the other.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "the number of samples is small")]
    pub(super) fn harmonic_mean(&self) -> f64 {
        self.0.len() as f64 / self.0.iter().map(|rate| rate.recip()).sum::<f64>()
    }

    /// The ratio of each sample to its partner.
    #[must_use]
    pub(super) fn over(&self, partners: &Self) -> Self {
        Self(self.0.iter().zip(&partners.0).map(|(ours, theirs)| ours / theirs).collect())
    }
}

impl FromIterator<f64> for Samples {
    fn from_iter<T: IntoIterator<Item = f64>>(values: T) -> Self {
        Self(values.into_iter().collect())
    }
}

/// The outcome of one bench.
#[derive(Clone, Debug)]
pub struct Figures {
    rows: Vec<(String, &'static str, Samples)>,
    notes: Vec<String>,
    summary: Summary,
}

/// The members of the line of JSON.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Summary {
    name: &'static str,
    ours: Value,
    baseline: Value,
    ratio: Value,
    unit: &'static str,
}

impl Summary {
    /// One figure beside its baseline.
    #[must_use]
    pub(super) fn new(name: &'static str, ours: f64, baseline: f64, unit: &'static str) -> Self {
        Self {
            name,
            ours: number(ours),
            baseline: number(baseline),
            ratio: number(ours / baseline),
            unit,
        }
    }

    /// Several figures, each with its name and its baseline, for which lower is better; the ratio
    /// is the worst one.
    #[must_use]
    pub(super) fn of_several(
        name: &'static str,
        figures: &[(&str, f64, f64)],
        unit: &'static str,
    ) -> Self {
        Self::of(name, figures, unit, f64::max)
    }

    /// As [`Self::of_several`], for figures for which higher is better.
    #[must_use]
    pub(super) fn at_least(
        name: &'static str,
        figures: &[(&str, f64, f64)],
        unit: &'static str,
    ) -> Self {
        Self::of(name, figures, unit, f64::min)
    }

    fn of(
        name: &'static str,
        figures: &[(&str, f64, f64)],
        unit: &'static str,
        choose: fn(f64, f64) -> f64,
    ) -> Self {
        let worst = figures
            .iter()
            .map(|(_, ours, baseline)| ours / baseline)
            .reduce(choose)
            .unwrap_or(f64::NAN);
        let ours =
            figures.iter().map(|(label, ours, _)| ((*label).to_owned(), number(*ours))).collect();
        let baseline = figures
            .iter()
            .map(|(label, _, baseline)| ((*label).to_owned(), number(*baseline)))
            .collect();
        Self {
            name,
            ours: Value::Object(ours),
            baseline: Value::Object(baseline),
            ratio: number(worst),
            unit,
        }
    }
}

/// Rounds to three decimals, which is finer than any measurement here.
fn number(value: f64) -> Value {
    json!((value * 1000.0).round() / 1000.0)
}

impl Figures {
    /// An outcome without a table yet.
    #[must_use]
    pub(super) fn new(summary: Summary) -> Self {
        Self { rows: vec![], notes: vec![], summary }
    }

    /// Adds a row to the table.
    #[must_use]
    pub(super) fn row(
        mut self,
        label: impl Into<String>,
        unit: &'static str,
        samples: Samples,
    ) -> Self {
        self.rows.push((label.into(), unit, samples));
        self
    }

    /// Adds a sentence under the table.
    #[must_use]
    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// The table, and the notes under it.
    #[must_use]
    pub fn table(&self) -> String {
        let width = self.rows.iter().map(|(label, ..)| label.chars().count()).max().unwrap_or(0);
        let mut table =
            format!("{:width$}  {:>5}  {:>10}  {:>10}  unit\n", "", "n", "median", "p99");
        for (label, unit, samples) in &self.rows {
            let (n, median, p99) = (samples.len(), samples.median(), samples.percentile(99));
            let _ = writeln!(table, "{label:width$}  {n:>5}  {median:>10.2}  {p99:>10.2}  {unit}");
        }
        for note in &self.notes {
            let _ = writeln!(table, "{note}");
        }
        table
    }

    /// The one line of JSON.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string(&self.summary).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_percentiles_are_measured_values() {
        let samples: Samples = (1..=200).rev().map(f64::from).collect();
        let found = [50, 99, 100].map(|percent| samples.percentile(percent).to_string());
        assert_eq!(found, ["100", "198", "200"]);
        assert_eq!(Samples::from_iter([7.0]).percentile(99).to_string(), "7");
        assert!(Samples::default().median().is_nan());
    }

    #[test]
    fn the_line_has_five_members() {
        let one = json!(Summary::new("latency", 18.0, 16.0, "ms"));
        assert_eq!(
            one,
            json!({"name": "latency", "ours": 18.0, "baseline": 16.0, "ratio": 1.125, "unit": "ms"})
        );
        let several = json!(Summary::of_several(
            "store",
            &[("open", 400.0, 1000.0), ("page", 30.0, 20.0)],
            "ms"
        ));

        assert_eq!(several["ours"], json!({"open": 400.0, "page": 30.0}));
        assert_eq!(several["ratio"], json!(1.5));
        let rates =
            json!(Summary::at_least("presence", &[("one", 5.0, 10.0), ("many", 8.0, 10.0)], "1/s"));
        assert_eq!(rates["ratio"], json!(0.5));
    }
}
