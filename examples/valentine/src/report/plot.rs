use std::error::Error;

use anyhow::{Result, anyhow};
use plotters::{coord::Shift, prelude::*, style::text_anchor};

use super::{curves::Curve, timeline::Timeline};
use crate::{day::Played, scale::Scale, shop::World};

/// How the two worlds lie in one picture.
#[derive(Clone, Copy, Debug)]
pub(super) enum Layout {
    SideBySide,
    Stacked,
}

type Area<'s> = DrawingArea<SVGBackend<'s>, Shift>;

const FONT: &str = "sans-serif";

/// Draws one curve of the whole day, each world in a panel of its own with the same axes, the troubles shaded.
pub(super) fn svg(curve: Curve, day: &[Played], scale: Scale, layout: Layout) -> Result<String> {
    let mut svg = String::new();
    draw(curve, day, scale, layout, &mut svg).map_err(|error| anyhow!("{error}"))?;
    Ok(svg)
}

fn draw(
    curve: Curve,
    day: &[Played],
    scale: Scale,
    layout: Layout,
    svg: &mut String,
) -> Result<(), Box<dyn Error>> {
    let timeline = Timeline::new(day);
    let worlds = World::BOTH.into_iter();
    let worlds: Vec<_> = worlds
        .filter(|world| day.iter().any(|played| played.world == *world))
        .collect();
    let points = |world| {
        let acts = day.iter().filter(move |played| played.world == world);
        let acts = acts.map(|played| timeline.shift(played.act, curve.points(played)));
        acts.collect::<Vec<_>>()
    };
    let lines: Vec<_> = worlds.iter().map(|world| points(*world)).collect();
    let values = lines.iter().flatten().flatten().map(|(_, value)| *value);
    // Room for the names of the acts.
    let top = values.fold(1.0, f64::max) * 1.2;

    let count = worlds.len();
    let (size, grid) = match layout {
        Layout::SideBySide => ((1_200, 280), (1, count)),
        Layout::Stacked => ((900, 230 * count as u32), (count, 1)),
    };
    let area = SVGBackend::with_string(svg, size).into_drawing_area();
    area.fill(&WHITE)?;
    for (panel, (world, lines)) in area.split_evenly(grid).iter().zip(worlds.iter().zip(lines)) {
        draw_panel(panel, curve, *world, &timeline, scale, lines, top)?;
    }
    area.present()?;
    Ok(())
}

fn draw_panel(
    panel: &Area<'_>,
    curve: Curve,
    world: World,
    timeline: &Timeline,
    scale: Scale,
    lines: Vec<Vec<(f64, f64)>>,
    top: f64,
) -> Result<(), Box<dyn Error>> {
    let caption = (FONT, 17).into_font().color(&colour(world));
    let mut chart = ChartBuilder::on(panel)
        .margin(6)
        .margin_right(14)
        .caption(format!("{}: {}", world.name(), curve.unit()), caption)
        .x_label_area_size(38)
        .y_label_area_size(46)
        .build_cartesian_2d(0.0..timeline.end(), 0.0..top)?;
    for scene in timeline.scenes() {
        let (from, to) = scene.trouble;
        let shade = BLACK.mix(0.08).filled();
        chart.draw_series([Rectangle::new([(from, 0.0), (to, top)], shade)])?;
        let edge = vec![(scene.start, 0.0), (scene.start, top)];
        chart.draw_series(LineSeries::new(edge, BLACK.mix(0.25)))?;
    }
    let decimals = usize::from(top < 10.0);
    let written = |value: &f64| format!("{value:.decimals$}");
    let mut mesh = chart.configure_mesh();
    mesh.disable_x_mesh().light_line_style(TRANSPARENT);
    mesh.x_desc("s").axis_desc_style((FONT, 13));
    mesh.x_labels(12).y_labels(6).label_style((FONT, 13));
    mesh.x_label_formatter(&|at| format!("{at:.0}"));
    mesh.y_label_formatter(&written);
    mesh.draw()?;
    if matches!(curve, Curve::Goodput) {
        let asked = timeline.asked(scale).into_iter();
        let asked = asked.map(|(at, rate)| (at, rate.min(top)));
        chart.draw_series(DashedLineSeries::new(asked, 5, 4, BLACK.mix(0.6).into()))?;
    }
    for points in lines {
        chart.draw_series(LineSeries::new(points, colour(world).stroke_width(2)))?;
    }
    let anchor = text_anchor::Pos::new(text_anchor::HPos::Left, text_anchor::VPos::Top);
    let style = TextStyle::from((FONT, 13).into_font()).pos(anchor);
    for scene in timeline.scenes() {
        let at = (scene.start + timeline.end() * 0.004, top * 0.985);
        chart.draw_series([Text::new(scene.act.short(), at, style.clone())])?;
    }
    Ok(())
}

const fn colour(world: World) -> RGBColor {
    match world {
        World::Naive => RGBColor(200, 30, 60),
        World::Protected => RGBColor(20, 100, 200),
    }
}
