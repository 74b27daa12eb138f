//! A line over time, as inline SVG that stretches with the page.

use std::fmt::Write as _;

/// Most stretches of time that a line is drawn from.
const STRETCHES: u16 = 400;
/// Most marks in a plot.
const MOST_MARKS: usize = 500;

/// Time and value at a moment.
pub(super) type Moment = (i64, f64);

/// A line of a plot.
pub(super) struct Line<'a> {
    /// Its class in the style sheet.
    pub(super) class: &'a str,
    pub(super) moments: Vec<Moment>,
}

/// A sign in a plot, such as of a fill.
pub(super) struct Mark {
    pub(super) at: Moment,
    pub(super) class: &'static str,
}

/// Lines and marks over one span of time.
pub(super) struct Plot<'a> {
    /// What it shows, for whoever does not see it.
    pub(super) label: String,
    /// First and last moment: nanoseconds since 1970.
    pub(super) span: (i64, i64),
    pub(super) lines: Vec<Line<'a>>,
    pub(super) marks: Vec<Mark>,
    /// Decimals of the values at its edge.
    pub(super) decimals: usize,
}

impl Plot<'_> {
    /// The plot; a sentence where there is nothing to draw.
    pub(super) fn svg(&self) -> String {
        let lines = self.lines.iter().flat_map(|line| &line.moments);
        let values = lines.chain(self.marks.iter().map(|mark| &mark.at));
        let ends = values.map(|(_, value)| *value).fold(None, |ends, value| {
            let (low, high): (f64, f64) = ends.unwrap_or((value, value));
            Some((low.min(value), high.max(value)))
        });
        let Some((low, high)) = ends else {
            return "<p class=\"soft\">Nothing.</p>\n".to_owned();
        };
        let room = ((high - low) * 0.08).max(high.abs().max(1.0) * 1e-6);
        let scale = Scale {
            span: self.span,
            low: low - room,
            high: high + room,
        };
        let drawn: String = self.lines.iter().map(|line| scale.line(line)).collect();
        let step = self.marks.len().div_ceil(MOST_MARKS).max(1);
        let marks = self.marks.iter().step_by(step);
        let marks: String = marks.map(|mark| scale.mark(mark)).collect();
        let digits = self.decimals;
        format!(
            "<svg class=\"plot\" role=\"img\" aria-label=\"{label}\">\
             <svg viewBox=\"0 0 1000 1000\" preserveAspectRatio=\"none\" width=\"100%\" height=\"100%\">{drawn}</svg>{marks}\
             <text x=\"0\" y=\"0.8em\">{high:.digits$}</text><text x=\"0\" y=\"98%\">{low:.digits$}</text></svg>\n",
            label = self.label
        )
    }
}

struct Scale {
    span: (i64, i64),
    low: f64,
    high: f64,
}

impl Scale {
    /// Thousandths of width and height, from the upper left.
    #[allow(clippy::cast_precision_loss, reason = "a place on a screen")]
    fn place(&self, (at, value): Moment) -> (f64, f64) {
        let (first, last) = self.span;
        let whole = (last - first).max(1) as f64;
        let x = 1_000.0 * (at - first) as f64 / whole;
        let y = 1_000.0 * (self.high - value) / (self.high - self.low);
        (x.clamp(0.0, 1_000.0), y)
    }

    fn line(&self, line: &Line<'_>) -> String {
        let mut points = String::new();
        for moment in thinned(&line.moments, self.span) {
            let (x, y) = self.place(moment);
            // A String takes everything.
            let _ = write!(points, "{x:.1},{y:.1} ");
        }
        format!(
            "<polyline class=\"line {}\" points=\"{}\"/>",
            line.class,
            points.trim_end()
        )
    }

    fn mark(&self, mark: &Mark) -> String {
        let (x, y) = self.place(mark.at);
        format!(
            "<circle class=\"mark {}\" cx=\"{:.2}%\" cy=\"{:.2}%\" r=\"3\"/>",
            mark.class,
            x / 10.0,
            y / 10.0
        )
    }
}

/// First, lowest, highest and last of each stretch of time: what a screen can show of more.
fn thinned(moments: &[Moment], (first, last): (i64, i64)) -> Vec<Moment> {
    if moments.len() <= 4 * usize::from(STRETCHES) {
        return moments.to_vec();
    }
    let stretch = ((last - first) / i64::from(STRETCHES)).max(1);
    let mut kept = Vec::new();
    for group in
        moments.chunk_by(|one, next| (one.0 - first) / stretch == (next.0 - first) / stretch)
    {
        let by_value = |one: &&Moment, other: &&Moment| one.1.total_cmp(&other.1);
        let ends = [
            group.first(),
            group.iter().min_by(by_value),
            group.iter().max_by(by_value),
            group.last(),
        ];
        let mut ends: Vec<Moment> = ends.into_iter().flatten().copied().collect();
        ends.sort_by_key(|(at, _)| *at);
        ends.dedup();
        kept.extend(ends);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thinned_line_keeps_its_ends_and_its_extremes() {
        let mut moments: Vec<Moment> = (0..100_000).map(|at| (at, 0.0)).collect();
        moments[5_000].1 = 99.0;
        moments[70_000].1 = -99.0;
        let thin = thinned(&moments, (0, 99_999));
        assert!(
            thin.len() <= 4 * (usize::from(STRETCHES) + 1),
            "{}",
            thin.len()
        );
        for kept in [moments[0], moments[5_000], moments[70_000], moments[99_999]] {
            assert!(thin.contains(&kept), "{kept:?}");
        }
        assert!(thin.is_sorted_by_key(|(at, _)| *at));
    }

    #[test]
    fn a_plot_without_a_value_says_so() {
        let plot = Plot {
            label: "profit".to_owned(),
            span: (0, 1),
            lines: Vec::new(),
            marks: Vec::new(),
            decimals: 2,
        };
        assert!(plot.svg().contains("Nothing"));
    }
}
