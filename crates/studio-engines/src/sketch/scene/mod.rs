//! Scenes: each place knows which layers it is made of, from back to front.
//!
//! A scene pushes layers (closures that paint on a `Stage`) onto a plan. Sky and weather are shared; what is particular
//! to a place is in its own file. Subjects that the prompt names are placed by the scene, which knows where a boat or
//! a house can stand.

mod abstraction;
mod city;
mod cloudscape;
mod creature;
mod desert;
mod field;
mod forest;
mod mountains;
mod portrait;
mod sea;
pub(crate) mod sky;
mod space;
mod still_life;
pub(crate) mod terrain;
mod underwater;
pub(crate) mod water;

use super::lexicon::{Scene, Subject};
use super::stage::{Setting, Stage};
use super::{subject, weather};

/// One step of a painting.
pub(crate) type Layer = Box<dyn Fn(&mut Stage<'_>)>;

/// Layers, back to front.
pub(crate) type Plan = Vec<Layer>;

/// All layers of the picture, weather included, finishing touches not.
pub(crate) fn plan(set: &Setting) -> Plan {
    let mut plan = Plan::new();
    match set.brief.scene {
        Scene::Sea => sea::compose(set, &mut plan),
        Scene::Mountains => mountains::compose(set, &mut plan),
        Scene::Forest => forest::compose(set, &mut plan),
        Scene::City => city::compose(set, &mut plan),
        Scene::Desert => desert::compose(set, &mut plan),
        Scene::Field => field::compose(set, &mut plan),
        Scene::Space => space::compose(set, &mut plan),
        Scene::Sky => cloudscape::compose(set, &mut plan),
        Scene::Underwater => underwater::compose(&mut plan),
        Scene::Portrait if animal(set) => creature::compose(set, &mut plan),
        Scene::Portrait => portrait::compose(set, &mut plan),
        Scene::StillLife => still_life::compose(&mut plan),
        Scene::Creature => creature::compose(set, &mut plan),
        Scene::Abstract => abstraction::compose(set, &mut plan),
    }
    weather::compose(set, &mut plan);
    plan
}

/// Adds a layer.
pub(crate) fn add(plan: &mut Plan, layer: impl Fn(&mut Stage<'_>) + 'static) {
    plan.push(Box::new(layer));
}

/// Whether the portrait asked for is that of an animal.
fn animal(set: &Setting) -> bool {
    let brief = &set.brief;
    !brief.has(Subject::Robot)
        && !brief.has(Subject::Person)
        && brief.subjects.iter().any(|s| subject::SITTERS.contains(s))
}
