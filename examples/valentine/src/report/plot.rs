use anyhow::{Result, anyhow};
use plotters::prelude::*;

use super::curves::Curve;
use crate::{
    day::{Act, Played},
    shop::World,
};

const SIZE: (u32, u32) = (1_000, 240);

/// Draws one curve of the whole day, both worlds in one plot, with the troubles shaded.
pub(super) fn svg(curve: Curve, day: &[Played]) -> Result<String> {
    let mut svg = String::new();
    draw(curve, day, &mut svg).map_err(|error| anyhow!("{error}"))?;
    Ok(svg)
}

fn draw(curve: Curve, day: &[Played], svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let acts = acts(day);
    let (_, _, end) = *acts.last().ok_or("no act was played")?;
    let lines: Vec<_> = day
        .iter()
        .map(|played| {
            let start = start_of(&acts, played.act);
            let points = curve.points(played).into_iter();
            let points: Vec<_> = points.map(|(at, value)| (start + at, value)).collect();
            (played.world, points)
        })
        .collect();
    let values = lines.iter().flat_map(|(_, points)| points);
    let highest = values.map(|(_, value)| *value).fold(1.0, f64::max) * 1.05;

    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    let mut chart = ChartBuilder::on(&area)
        .margin(8)
        .x_label_area_size(24)
        .y_label_area_size(48)
        .build_cartesian_2d(0.0..end, 0.0..highest)?;
    for (act, start, _) in &acts {
        let script = act.script();
        let from = start + script.calm.as_secs_f64();
        let to = from + script.trouble.as_secs_f64();
        let shade = BLACK.mix(0.08).filled();
        chart.draw_series([Rectangle::new([(from, 0.0), (to, highest)], shade)])?;
    }
    let mut mesh = chart.configure_mesh();
    mesh.disable_x_mesh().light_line_style(TRANSPARENT);
    mesh.x_label_formatter(&|at| format!("{at:.0} s")).draw()?;
    for (world, points) in lines {
        chart.draw_series(LineSeries::new(points, colour(world).stroke_width(2)))?;
    }
    area.present()?;
    Ok(())
}

/// The acts that were played, each with its start and its end in seconds.
fn acts(day: &[Played]) -> Vec<(Act, f64, f64)> {
    let mut acts: Vec<(Act, f64, f64)> = Vec::new();
    for played in day {
        if acts.iter().all(|(act, ..)| *act != played.act) {
            let start = acts.last().map_or(0.0, |(_, _, end)| *end);
            let lasts = played.act.script().lasts().as_secs_f64();
            acts.push((played.act, start, start + lasts));
        }
    }
    acts
}

fn start_of(acts: &[(Act, f64, f64)], act: Act) -> f64 {
    let found = acts.iter().find(|(known, ..)| *known == act);
    found.map_or(0.0, |(_, start, _)| *start)
}

const fn colour(world: World) -> RGBColor {
    match world {
        World::Naive => RGBColor(200, 30, 60),
        World::Protected => RGBColor(20, 100, 200),
    }
}
