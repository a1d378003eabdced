//! The brief: what a prompt asks for, in the engine's own terms.
//!
//! Reading a prompt never fails. Words are folded (case, accents, plurals), looked up in the lexicon, and gathered;
//! what is missing is inferred (a lighthouse wants a sea, an aurora wants a night) and what remains open is chosen by a
//! stable hash of the words. Unknown words count in that hash, so two unknown prompts still give two pictures.

use super::lexicon::{FILLERS, Meaning, Mood, NEGATIONS, Scene, Season, Style, Subject, Time, Tint, WORDS, Weather};
use super::random::{Random, hash_text};

/// How many characters of a prompt are read; the rest cannot change the picture.
const LONGEST: usize = 4000;

/// What to draw.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Brief {
    /// The place.
    pub(crate) scene: Scene,
    /// Water lies at the bottom (a lake before the mountains, a wet street).
    pub(crate) water: bool,
    /// The hour.
    pub(crate) time: Time,
    /// The weather, possibly several kinds.
    pub(crate) weather: Vec<Weather>,
    /// The season.
    pub(crate) season: Season,
    /// The moods named.
    pub(crate) moods: Vec<Mood>,
    /// The things named, in order.
    pub(crate) subjects: Vec<Subject>,
    /// The styles named.
    pub(crate) styles: Vec<Style>,
    /// The colour words.
    pub(crate) tints: Vec<Tint>,
    /// No word was understood: colours come from the hash.
    pub(crate) unknown: bool,
    /// A stable hash of all telling words.
    pub(crate) hash: u64,
}

impl Brief {
    /// Reads a prompt.
    pub(crate) fn read(prompt: &str) -> Self {
        let words = words(prompt);
        let meanings = meanings(&words);
        let telling: Vec<&str> = words.iter().map(String::as_str).filter(|word| !FILLERS.contains(word)).collect();
        // A prompt of nothing but signs or emoji has no words; then its very characters decide.
        let hash = if telling.is_empty() { hash_text(prompt) } else { hash_text(&telling.join(" ")) };
        let mut brief = Self {
            scene: Scene::Abstract,
            water: meanings.contains(&Meaning::Water),
            time: Time::Noon,
            weather: gather(&meanings, |m| if let Meaning::Weather(x) = m { Some(x) } else { None }),
            season: Season::Summer,
            moods: gather(&meanings, |m| if let Meaning::Mood(x) = m { Some(x) } else { None }),
            subjects: gather(&meanings, |m| if let Meaning::Subject(x) = m { Some(x) } else { None }),
            styles: gather(&meanings, |m| if let Meaning::Style(x) = m { Some(x) } else { None }),
            tints: gather(&meanings, |m| if let Meaning::Tint(x) = m { Some(x) } else { None }),
            unknown: meanings.is_empty(),
            hash,
        };
        let mut random = Random::keyed(hash, "brief");
        let scenes = gather(&meanings, |m| if let Meaning::Scene(x) = m { Some(x) } else { None });
        let seasons = gather(&meanings, |m| if let Meaning::Season(x) = m { Some(x) } else { None });
        let times = gather(&meanings, |m| if let Meaning::Time(x) = m { Some(x) } else { None });
        brief.scene = brief.place(&scenes, seasons.first().copied(), times.first().copied());
        brief.time = times.first().copied().unwrap_or_else(|| brief.hour(&mut random));
        brief.season = seasons.first().copied().unwrap_or(match brief.scene {
            Scene::Field => Season::Spring,
            _ => Season::Summer,
        });
        brief
    }

    /// Whether a thing was named.
    pub(crate) fn has(&self, subject: Subject) -> bool {
        self.subjects.contains(&subject)
    }

    /// Whether a weather was named.
    pub(crate) fn is(&self, weather: Weather) -> bool {
        self.weather.contains(&weather)
    }

    /// Whether a mood was named.
    pub(crate) fn feels(&self, mood: Mood) -> bool {
        self.moods.contains(&mood)
    }

    /// Whether a style was named.
    pub(crate) fn styled(&self, style: Style) -> bool {
        self.styles.contains(&style)
    }

    /// Whether a colour word was given.
    pub(crate) fn tinted(&self, tint: Tint) -> bool {
        self.tints.contains(&tint)
    }

    /// Whether it is a night sky.
    pub(crate) fn night(&self) -> bool {
        self.time == Time::Night
    }

    /// The place: named, or the home of the first thing, or what weather, season and hour suggest.
    fn place(&self, scenes: &[Scene], season: Option<Season>, time: Option<Time>) -> Scene {
        // A close-up wins over a landscape: "a portrait in the forest" is a portrait.
        for close in [Scene::Portrait, Scene::StillLife, Scene::Underwater] {
            if scenes.contains(&close) {
                return close;
            }
        }
        // These are drawn nowhere but at sea: "a lighthouse on a cliff" must not lose its lighthouse to the cliff.
        if [Subject::Lighthouse, Subject::Ship, Subject::Whale].iter().any(|thing| self.has(*thing)) {
            return Scene::Sea;
        }
        // "sky" and "space" are often said of the background; anything more solid comes first.
        if let Some(scene) = scenes.iter().find(|scene| !matches!(scene, Scene::Sky | Scene::Abstract)) {
            return *scene;
        }
        if scenes.contains(&Scene::Abstract) {
            return Scene::Abstract;
        }
        if let Some(home) =
            self.subjects.iter().find_map(|subject| home(*subject, self.night() || time == Some(Time::Night)))
        {
            return home;
        }
        if self.water {
            return Scene::Mountains;
        }
        if let Some(scene) = scenes.first() {
            return *scene;
        }
        if let Some(weather) = self.weather.first() {
            return match weather {
                Weather::Rain => Scene::City,
                Weather::Storm => Scene::Sea,
                Weather::Fog => Scene::Forest,
                Weather::Snow | Weather::Aurora => Scene::Mountains,
                Weather::Wind | Weather::Rainbow => Scene::Field,
                Weather::Clear | Weather::Cloudy => Scene::Sky,
            };
        }
        match (season, time) {
            (Some(Season::Autumn), _) => Scene::Forest,
            (Some(Season::Winter), _) => Scene::Mountains,
            (Some(Season::Spring | Season::Summer), _) => Scene::Field,
            (None, Some(Time::Dusk)) => Scene::Sea,
            (None, Some(_)) => Scene::Mountains,
            (None, None) if self.styled(Style::Retro) => Scene::Mountains,
            (None, None) => Scene::Abstract,
        }
    }

    /// The hour, when none was named.
    fn hour(&self, random: &mut Random) -> Time {
        let lights = [Subject::Moon, Subject::Stars, Subject::Owl, Subject::Candle];
        if self.scene == Scene::Space || lights.iter().any(|light| self.has(*light)) || self.tinted(Tint::Neon) {
            return Time::Night;
        }
        if self.styled(Style::Retro) || self.feels(Mood::Angry) {
            return Time::Dusk;
        }
        if self.feels(Mood::Mysterious) {
            return Time::Night;
        }
        if self.has(Subject::Sun) || self.feels(Mood::Joyful) {
            return Time::Noon;
        }
        if self.is(Weather::Storm) || self.has(Subject::Lighthouse) {
            return Time::Dusk;
        }
        match self.scene {
            Scene::City => random.pick(&[Time::Dusk, Time::Night, Time::Dawn]),
            Scene::Desert => random.pick(&[Time::Noon, Time::Dusk]),
            Scene::StillLife | Scene::Portrait | Scene::Underwater => random.pick(&[Time::Dawn, Time::Noon]),
            _ => random.pick(&[Time::Dawn, Time::Noon, Time::Dusk, Time::Noon]),
        }
    }
}

/// Where a thing is at home, when no place was named.
fn home(subject: Subject, night: bool) -> Option<Scene> {
    use Subject as S;
    Some(match subject {
        S::Boat | S::Ship | S::Lighthouse | S::Island | S::Palm => Scene::Sea,
        S::House | S::Tree | S::Flower | S::Windmill | S::Horse | S::Road | S::Butterfly => Scene::Field,
        S::Castle | S::Pine | S::Tent | S::Bridge => Scene::Mountains,
        S::Deer | S::Bear => Scene::Forest,
        S::Cactus => Scene::Desert,
        S::Cat | S::Dog | S::Fox | S::Rabbit | S::Owl => Scene::Creature,
        S::Fish | S::Whale | S::Jellyfish => Scene::Underwater,
        S::Robot | S::Person => Scene::Portrait,
        S::Bird | S::Balloon => Scene::Sky,
        S::Rocket | S::Planet => Scene::Space,
        S::Cup | S::Vase | S::Fruit | S::Bottle | S::Book | S::Candle => Scene::StillLife,
        S::Stars => Scene::Space,
        S::Moon => Scene::Sea,
        S::Sun if night => return None,
        S::Sun => Scene::Sea,
    })
}

/// The values of one kind, each once, in order of mention.
fn gather<T: PartialEq>(meanings: &[Meaning], take: impl Fn(Meaning) -> Option<T>) -> Vec<T> {
    let mut found = Vec::new();
    for value in meanings.iter().copied().filter_map(take) {
        if !found.contains(&value) {
            found.push(value);
        }
    }
    found
}

/// All that the words mean, phrases before single words, negated words left out.
fn meanings(words: &[String]) -> Vec<Meaning> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        if NEGATIONS.contains(&words[at].as_str()) {
            at += 2;
            continue;
        }
        let phrase = words.get(at + 1).map(|next| format!("{} {next}", words[at]));
        if let Some(known) = phrase.and_then(|phrase| look_up(&phrase)) {
            found.extend(known);
            at += 2;
            continue;
        }
        if !FILLERS.contains(&words[at].as_str()) {
            found.extend(forms(&words[at]).iter().find_map(|form| look_up(form)).unwrap_or_default());
        }
        at += 1;
    }
    found
}

/// The meanings of one folded word: of all rows that list it.
fn look_up(word: &str) -> Option<Vec<Meaning>> {
    let rows = WORDS.iter().filter(|(names, _)| names.contains(&word));
    let known: Vec<Meaning> = rows.flat_map(|(_, meanings)| meanings.iter().copied()).collect();
    (!known.is_empty()).then_some(known)
}

/// The word, and what it may be the plural of (English, French, Spanish, German).
fn forms(word: &str) -> Vec<String> {
    let mut forms = vec![word.to_owned()];
    if word.len() < 4 {
        return forms;
    }
    if let Some(stem) = word.strip_suffix("ies") {
        forms.push(format!("{stem}y"));
    }
    if let Some(stem) = word.strip_suffix("ves") {
        forms.push(format!("{stem}f"));
    }
    for ending in ["s", "es", "en", "n", "e", "er", "x"] {
        if let Some(stem) = word.strip_suffix(ending).filter(|stem| stem.len() >= 3) {
            forms.push(stem.to_owned());
        }
    }
    forms
}

/// The words of a prompt: lower case, accents folded, split at everything that is not a letter or digit.
fn words(prompt: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for letter in prompt.chars().take(LONGEST).flat_map(char::to_lowercase) {
        // Combining marks belong to the letter before; dropping them folds "e" + acute as well as "é".
        if ('\u{300}'..='\u{36F}').contains(&letter) {
            continue;
        }
        if letter.is_alphanumeric() {
            if let Some(word) = words.last_mut() {
                fold(letter, word);
            }
        } else if words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Appends a letter without its accent.
fn fold(letter: char, word: &mut String) {
    let plain = match letter {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => 'a',
        'è' | 'é' | 'ê' | 'ë' => 'e',
        'ì' | 'í' | 'î' | 'ï' => 'i',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' => 'o',
        'ù' | 'ú' | 'û' | 'ü' => 'u',
        'ç' => 'c',
        'ñ' => 'n',
        'ß' => {
            word.push('s');
            's'
        }
        other => other,
    };
    word.push(plain);
}
