use std::{
    cmp::Reverse,
    collections::HashMap,
    fmt::{self, Display, Write},
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use metrics::{Gauge, gauge};

use crate::{Forget, Keyed, Metrics, telemetry::recorder_installed};

/// The most bytes of a key that its label shows; a longer one is cut between two characters.
pub const MAX_KEY_LABEL: usize = 128;

/// Metrics for the few keys that matter most, with the key as a label.
///
/// Nothing is recorded until [`report`](Self::report) is called: at an interval, or before a scrape. At most so many keys
/// have metrics at a time. A key that got them keeps them for as long as the [`Keyed`] knows it, and a free place goes to
/// the key of which there is most to say; one of which there is nothing to say gets none. A recorder forgets no series, so
/// there is a second limit, on the keys that ever get some: ten times as many, or what [`ever`](Self::ever) says.
///
/// Two keys that look alike as labels share one, and only one of them is shown at a time.
pub struct TopKeys<K, V> {
    keyed: Keyed<K, V>,
    most: usize,
    ever: usize,
    how_much: Box<dyn Fn(&V) -> u64 + Send + Sync>,
    places: Mutex<Places<K, V>>,
    gauges: Metrics<[Gauge; 2]>,
}

/// How many keys have metrics, and how many had to go without.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct TopKeysReport {
    /// Keys that have metrics now.
    pub shown: usize,
    /// Keys of which there is something to say and that have none.
    pub left_out: usize,
    /// Labels that were ever used.
    pub ever: usize,
}

/// A component that can have metrics of its own for the key it belongs to.
pub trait KeyMetrics: Sized {
    /// The kind under which a registry knows such components.
    const KIND: &'static str;

    /// The name that the components of all keys share.
    fn name(&self) -> &'static str;

    /// Whether it is the very same component; one that was made anew for a key counts from zero.
    fn is_same(&self, other: &Self) -> bool;

    /// Registers the metrics of a key.
    fn series(&self, key: &str) -> Box<dyn KeySeries<Self>>;
}

/// The metrics of one key.
pub trait KeySeries<V>: Send {
    /// Records what has happened to the component since the last time.
    fn record(&mut self, component: &V);

    /// The component is gone: gauges fall to zero, and the next one is counted from zero.
    fn forget(&mut self);
}

struct Places<K, V> {
    taken: HashMap<K, Place<V>>,
    /// Every label that was ever used.
    labels: HashMap<Arc<str>, Label<V>>,
}

struct Place<V> {
    component: V,
    label: Arc<str>,
}

struct Label<V> {
    series: Box<dyn KeySeries<V>>,
    is_taken: bool,
}

impl<K, V> TopKeys<K, V> {
    /// Shows at most so many keys at a time.
    ///
    /// `how_much` says how much there is to say of a component, such as its failures and refusals.
    pub fn new(
        keyed: Keyed<K, V>,
        most: usize,
        how_much: impl Fn(&V) -> u64 + Send + Sync + 'static,
    ) -> Self {
        Self {
            keyed,
            most,
            ever: most.saturating_mul(10),
            how_much: Box::new(how_much),
            places: Mutex::new(Places {
                taken: HashMap::new(),
                labels: HashMap::new(),
            }),
            gauges: Metrics::new(),
        }
    }

    /// Uses at most so many labels as long as it lives. When all are used, keys that were shown before still get a place.
    #[must_use]
    pub fn ever(mut self, labels: usize) -> Self {
        self.ever = labels;
        self
    }
}

impl<K, V> TopKeys<K, V>
where
    K: Clone + Display + Eq + Hash,
    V: Clone + Forget + KeyMetrics,
{
    /// Records what has happened since the last time; without a recorder, nothing at all.
    ///
    /// Looks at every key that is known, so call it once in a while and not per call.
    pub fn report(&self) -> TopKeysReport {
        if !recorder_installed() {
            return TopKeysReport::default();
        }
        // Whole after any panic: a key is written into both maps, or was counted only.
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.refresh(&self.keyed);
        let left_out = self.fill(&mut places);
        let report = TopKeysReport {
            shown: places.taken.len(),
            left_out,
            ever: places.labels.len(),
        };
        self.show(report);
        report
    }

    /// Gives the free places away; how many keys go without.
    fn fill(&self, places: &mut Places<K, V>) -> usize {
        let all = self.keyed.all().into_iter();
        let others = all.filter(|(key, _)| !places.taken.contains_key(key));
        let mut others: Vec<_> = others
            .map(|it| ((self.how_much)(&it.1), it))
            .filter(|(much, _)| *much > 0)
            .collect();
        others.sort_by_key(|(much, _)| Reverse(*much));
        let mut left_out = others.len();
        for (_, (key, component)) in others {
            if places.taken.len() >= self.most {
                break;
            }
            left_out -= usize::from(places.take(key, component, self.ever));
        }
        left_out
    }

    fn show(&self, report: TopKeysReport) {
        let name = self.keyed.overflow().name();
        let gauges = self.gauges.get(|| {
            [
                gauge!("top_keys_shown", "kind" => V::KIND, "name" => name),
                gauge!("top_keys_left_out", "kind" => V::KIND, "name" => name),
            ]
        });
        if let Some([shown, left_out]) = gauges {
            shown.set(report.shown as f64);
            left_out.set(report.left_out as f64);
        }
    }
}

impl<K, V> Places<K, V>
where
    K: Clone + Display + Eq + Hash,
    V: Clone + Forget + KeyMetrics,
{
    /// Records every key that has a place, and frees the places of those that were forgotten.
    fn refresh(&mut self, keyed: &Keyed<K, V>) {
        let Self { taken, labels } = self;
        taken.retain(|key, place| {
            let Some(label) = labels.get_mut(&place.label) else {
                return false;
            };
            // The one that was shown is asked for what came after the last report, also when it is gone.
            label.series.record(&place.component);
            let known = keyed.peek(key);
            let is_known = known.is_some();
            match known {
                Some(now) if now.is_same(&place.component) => {}
                other => {
                    label.series.forget();
                    label.is_taken = is_known;
                    if let Some(now) = other {
                        label.series.record(&now);
                        place.component = now;
                    }
                }
            }
            is_known
        });
    }

    /// Gives a key a place, unless its label is taken, or would be one too many.
    fn take(&mut self, key: K, component: V, ever: usize) -> bool {
        let text: Arc<str> = label_of(&key).into();
        if !self.labels.contains_key(&text) {
            if self.labels.len() >= ever {
                return false;
            }
            let series = component.series(&text);
            let is_taken = false;
            let label = Label { series, is_taken };
            self.labels.insert(Arc::clone(&text), label);
        }
        let free = self.labels.get_mut(&text).filter(|it| !it.is_taken);
        let Some(label) = free else {
            return false;
        };
        label.is_taken = true;
        let place = Place {
            component,
            label: text,
        };
        let place = self.taken.entry(key).or_insert(place);
        label.series.record(&place.component);
        true
    }
}

/// Writes what has room, so that a key of a megabyte costs no more than its label.
struct Cut(String);

impl Write for Cut {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut end = text.len().min(MAX_KEY_LABEL - self.0.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.0.push_str(&text[..end]);
        if end < text.len() {
            return Err(fmt::Error);
        }
        Ok(())
    }
}

fn label_of(key: &impl Display) -> String {
    let mut label = Cut(String::new());
    // An error says that there was no more room, or that the key cannot be shown further.
    let _ = write!(label, "{key}");
    label.0
}

impl<K, V> fmt::Debug for TopKeys<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TopKeys")
            .field("keyed", &self.keyed)
            .field("most", &self.most)
            .field("ever", &self.ever)
            .finish_non_exhaustive()
    }
}
