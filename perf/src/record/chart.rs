//! The charts of a report, as SVG.

use core::fmt::Display;

use plotters::coord::ranged1d::SegmentValue;
use plotters::prelude::*;

use super::Figure;
use crate::Error;
use crate::statistics::Summary;

const WIDTH: u32 = 860;
const LINE_HEIGHT: u32 = 300;
/// Pixels of a bar, and of what is above and below all of them.
const BAR_HEIGHT: u32 = 34;
const BAR_FRAME: u32 = 60;
/// Pixels for the names beside bars.
const NAMES: u32 = 310;
const FONT: &str = "sans-serif";
const BAR: RGBColor = RGBColor(0x4c, 0x84, 0xb6);
const SPREAD: RGBColor = RGBColor(0x1b, 0x2b, 0x3a);
/// Told apart by the color-blind as well (Okabe and Ito).
const LINES: [RGBColor; 6] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0x56, 0xb4, 0xe9),
];

/// Figures of one unit, sample by sample.
pub(super) fn lines(unit: &str, figures: &[&Figure]) -> Result<String, Error> {
    let each = figures.first().map_or("", |figure| figure.each.name());
    let longest = figures.iter().map(|figure| figure.samples.len()).max().unwrap_or_default();
    let samples = figures.iter().flat_map(|figure| &figure.samples);
    let most = samples.clone().copied().fold(0.0, f64::max);
    let least = samples.copied().fold(0.0, f64::min);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, LINE_HEIGHT)).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin(12)
            .x_label_area_size(36)
            .y_label_area_size(60)
            .build_cartesian_2d(1.0..(longest.max(2) as f64), least * 1.1..most.max(1e-9) * 1.1)
            .map_err(drawing)?;
        let whole = |value: &f64| format!("{value:.0}");
        chart
            .configure_mesh()
            .x_desc(each)
            .y_desc(unit)
            .x_labels(longest.clamp(2, 12))
            .x_label_formatter(&whole)
            .label_style((FONT, 13))
            .light_line_style(TRANSPARENT)
            .draw()
            .map_err(drawing)?;
        for (figure, color) in figures.iter().zip(LINES.iter().cycle()) {
            let points =
                figure.samples.iter().enumerate().map(|(at, &value)| (at as f64 + 1.0, value));
            chart
                .draw_series(LineSeries::new(points, color.stroke_width(2)))
                .map_err(drawing)?
                .label(figure.name.clone())
                .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .background_style(WHITE.mix(0.8))
            .label_font((FONT, 13))
            .draw()
            .map_err(drawing)?;
        area.present().map_err(drawing)?;
    }
    Ok(svg)
}

/// Medians of figures of one unit as bars, and across each from the least to the most.
pub(super) fn bars(unit: &str, figures: &[(&Figure, Summary)]) -> Result<String, Error> {
    let most = figures.iter().map(|(_, summary)| summary.most).fold(0.0, f64::max);
    let least = figures.iter().map(|(_, summary)| summary.least).fold(0.0, f64::min);
    // The first stands on top.
    let rows: Vec<&(&Figure, Summary)> = figures.iter().rev().collect();
    let height = BAR_FRAME + BAR_HEIGHT * rows.len() as u32;
    // The last row is part of the range.
    let range = 0..rows.len().saturating_sub(1);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin(12)
            .x_label_area_size(36)
            .y_label_area_size(NAMES)
            .build_cartesian_2d(least * 1.08..most.max(1e-9) * 1.08, range.into_segmented())
            .map_err(drawing)?;
        let name = |at: &SegmentValue<usize>| match at {
            SegmentValue::CenterOf(at) => rows.get(*at).map_or("", |row| &row.0.name).to_owned(),
            _ => String::new(),
        };
        chart
            .configure_mesh()
            .disable_y_mesh()
            .x_desc(unit)
            .y_labels(rows.len())
            .y_label_formatter(&name)
            .label_style((FONT, 13))
            .light_line_style(TRANSPARENT)
            .draw()
            .map_err(drawing)?;
        let bars = rows.iter().enumerate().map(|(at, (_, summary))| {
            let ends = [SegmentValue::Exact(at), SegmentValue::Exact(at + 1)];
            let [bottom, top] = ends;
            let mut bar = Rectangle::new([(0.0, bottom), (summary.median, top)], BAR.filled());
            bar.set_margin(5, 5, 0, 0);
            bar
        });
        chart.draw_series(bars).map_err(drawing)?;
        let spreads = rows.iter().enumerate().map(|(at, (_, summary))| {
            let ends = [summary.least, summary.most].map(|x| (x, SegmentValue::CenterOf(at)));
            PathElement::new(ends, SPREAD.stroke_width(3))
        });
        chart.draw_series(spreads).map_err(drawing)?;
        area.present().map_err(drawing)?;
    }
    Ok(svg)
}

fn drawing(error: impl Display) -> Error {
    Error::Dataplane(format!("the chart: {error}"))
}
