use crate::{
    day::{Act, Played},
    scale::Scale,
};

/// The acts that were played, one after the other.
#[derive(Debug)]
pub(super) struct Timeline(Vec<Scene>);

/// When an act begins and ends, in seconds of the day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scene {
    pub(super) act: Act,
    pub(super) start: f64,
    pub(super) trouble: (f64, f64),
    end: f64,
}

impl Timeline {
    pub(super) fn new(day: &[Played]) -> Self {
        let mut scenes: Vec<Scene> = Vec::new();
        for act in day.iter().map(|played| played.act) {
            if scenes.iter().all(|scene| scene.act != act) {
                let start = scenes.last().map_or(0.0, |scene| scene.end);
                let script = act.script();
                let trouble = start + script.calm.as_secs_f64();
                scenes.push(Scene {
                    act,
                    start,
                    trouble: (trouble, trouble + script.trouble.as_secs_f64()),
                    end: start + script.lasts().as_secs_f64(),
                });
            }
        }
        Self(scenes)
    }

    pub(super) fn scenes(&self) -> &[Scene] {
        &self.0
    }

    pub(super) fn end(&self) -> f64 {
        self.0.last().map_or(1.0, |scene| scene.end)
    }

    /// Points of an act, moved to where it is in the day.
    pub(super) fn shift(&self, act: Act, points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
        let scene = self.0.iter().find(|scene| scene.act == act);
        let start = scene.map_or(0.0, |scene| scene.start);
        let shifted = points.into_iter().map(|(at, value)| (start + at, value));
        shifted.collect()
    }

    /// What ordinary customers ask for per second, as the corners of a line.
    pub(super) fn asked(&self, scale: Scale) -> Vec<(f64, f64)> {
        let mut corners = Vec::new();
        for scene in &self.0 {
            let mut at = scene.start;
            for stretch in scene.act.script().stretches(scale) {
                let end = at + stretch.lasts.as_secs_f64();
                corners.extend([(at, stretch.rate), (end, stretch.rate)]);
                at = end;
            }
        }
        corners
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{day::played, shop::World};

    #[test]
    fn acts_follow_each_other_and_both_worlds_share_them() {
        let day = [Act::Calm, Act::EmailHangs]
            .map(|act| World::BOTH.map(|world| played(act, world, &[])));
        let timeline = Timeline::new(day.as_flattened());
        let starts: Vec<_> = timeline.scenes().iter().map(|scene| scene.start).collect();
        assert_eq!(starts, [0.0, 1.5]);
        assert_eq!(timeline.scenes()[1].trouble, (2.0, 4.5));
        assert_eq!(timeline.end(), 4.5);
        let shifted = timeline.shift(Act::EmailHangs, vec![(0.5, 7.0)]);
        assert_eq!(shifted, [(2.0, 7.0)]);
    }

    #[test]
    fn the_storm_is_asked_for_while_it_lasts() {
        let timeline = Timeline::new(&[played(Act::PaymentStorm, World::Naive, &[])]);
        let asked = timeline.asked(Scale { calm: 10.0 });
        let expected = [
            (0.0, 10.0),
            (1.0, 10.0),
            (1.0, 150.0),
            (5.0, 150.0),
            (5.0, 20.0),
            (9.0, 20.0),
        ];
        assert_eq!(asked, expected);
    }
}
