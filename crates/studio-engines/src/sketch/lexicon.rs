//! The words the engine knows, as data.
//!
//! One row a word: what it means for a picture. A word may have several rows ("snowy" is weather and season). Words are
//! stored lower-case, without accents and in the singular; `brief.rs` folds prompts the same way. Phrases of two words
//! are stored with a space between. To teach the engine a word, add a row.

/// The kind of place, which chooses the composition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scene {
    /// Open water.
    Sea,
    /// Peaks and ridges.
    Mountains,
    /// Among trees.
    Forest,
    /// A skyline or street.
    City,
    /// Dunes and mesas.
    Desert,
    /// Meadows, flowers, crops.
    Field,
    /// Planets and nebulae.
    Space,
    /// Mostly sky.
    Sky,
    /// Below the water line.
    Underwater,
    /// A face or bust.
    Portrait,
    /// Things on a table.
    StillLife,
    /// One animal as the hero.
    Creature,
    /// No thing at all: form and colour.
    Abstract,
}

/// A thing to place in the scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    Boat,
    Ship,
    Lighthouse,
    Island,
    House,
    Castle,
    Tree,
    Palm,
    Pine,
    Cactus,
    Flower,
    Cat,
    Dog,
    Fox,
    Rabbit,
    Owl,
    Bear,
    Deer,
    Horse,
    Bird,
    Fish,
    Whale,
    Jellyfish,
    Butterfly,
    Robot,
    Person,
    Balloon,
    Rocket,
    Planet,
    Moon,
    Sun,
    Stars,
    Cup,
    Vase,
    Fruit,
    Bottle,
    Book,
    Candle,
    Bridge,
    Windmill,
    Tent,
    Road,
}

/// The hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Time {
    Dawn,
    Noon,
    Dusk,
    Night,
}

/// What falls, blows or hangs in the air.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Weather {
    Clear,
    Cloudy,
    Rain,
    Snow,
    Storm,
    Fog,
    Wind,
    Aurora,
    Rainbow,
}

/// The time of year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Season {
    Spring,
    Summer,
    Autumn,
    Winter,
}

/// How it feels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Mood {
    Calm,
    Angry,
    Sad,
    Joyful,
    Mysterious,
    Dreamy,
    Minimal,
    Chaotic,
}

/// How it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Style {
    Geometric,
    Watercolour,
    Ink,
    Pixel,
    LowPoly,
    LineArt,
    Retro,
    Oil,
    Halftone,
    Cubist,
}

/// What a colour word does to the whole palette.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Tint {
    /// A hue in OKLCH degrees, and how colourful it is.
    Hue(f32, f32),
    /// No colour, only light and dark.
    Grey,
    /// Light and soft.
    Pastel,
    /// Glowing colours on a dark ground.
    Neon,
    /// Towards fire.
    Warm,
    /// Towards ice.
    Cool,
    /// More colour.
    Vivid,
    /// Less light.
    Dark,
    /// More light.
    Bright,
}

/// What a word means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Meaning {
    /// A place.
    Scene(Scene),
    /// A place that is mostly an addition ("by the lake", "with clouds").
    Water,
    /// A thing.
    Subject(Subject),
    /// An hour.
    Time(Time),
    /// Weather.
    Weather(Weather),
    /// A season.
    Season(Season),
    /// A mood.
    Mood(Mood),
    /// A style.
    Style(Style),
    /// A colour.
    Tint(Tint),
}

use Meaning as M;
use Scene as Sc;
use Subject as Su;

/// Words after which the next word is *not* wanted.
pub(crate) const NEGATIONS: &[&str] = &["no", "without", "not", "ohne", "kein", "keine", "sans", "sin"];

/// Words that want something to be gone: where they stand, a masked place becomes like its surroundings.
pub(crate) const REMOVALS: &[&str] = &[
    "remove",
    "erase",
    "delete",
    "nothing",
    "empty",
    "entferne",
    "entfernen",
    "leer",
    "supprime",
    "vide",
    "quita",
    "borra",
];

/// Words that say nothing about a picture; they do not even stir the hash.
#[rustfmt::skip]
pub(crate) const FILLERS: &[&str] = &[
    "a", "an", "the", "of", "in", "on", "at", "and", "with", "by", "to", "for", "from", "over", "under", "is",
    "are", "some", "very", "ein", "eine", "der", "die", "das", "und", "mit", "im", "am", "bei", "von", "un", "une",
    "le", "la", "les", "de", "du", "des", "et", "avec", "au", "el", "los", "las", "y", "con", "en", "picture",
    "image", "drawing", "illustration", "please", "draw", "paint", "make", "me",
];

/// Which words mean what.
#[rustfmt::skip] // packed: a row is one meaning, not one word a line
pub(crate) const WORDS: &[(&[&str], &[Meaning])] = &[
    // Places.
    (&["sea", "ocean", "meer", "ozean", "mer", "mar", "oceano", "wave", "tide", "coast", "bay", "harbour",
      "harbor", "welle", "vague", "ola", "seascape", "kuste", "cote", "costa", "shore"],
     &[M::Scene(Sc::Sea)]),
    (&["beach", "strand", "plage", "playa", "tropical"], &[M::Scene(Sc::Sea), M::Subject(Su::Palm)]),
    (&["lake", "river", "pond", "see", "fluss", "lac", "lago", "riviere", "rio", "stream", "fjord", "canal",
      "water", "reflection", "wasser", "eau", "agua", "waterfall"], &[M::Water]),
    (&["mountain", "peak", "alp", "summit", "berg", "gebirge", "montagne", "montana", "valley", "cliff", "hill",
      "volcano", "ridge", "glacier", "himalaya", "tal", "colline", "colina", "landscape", "paysage",
      "paisaje", "landschaft", "canyon"], &[M::Scene(Sc::Mountains)]),
    (&["forest", "wood", "jungle", "wald", "foret", "bosque", "woodland", "grove", "rainforest", "selva", "taiga"],
     &[M::Scene(Sc::Forest)]),
    (&["city", "town", "street", "skyline", "downtown", "stadt", "ville", "ciudad", "metropolis", "skyscraper",
      "building", "strasse", "rue", "calle", "urban", "cyberpunk", "tokyo", "york", "paris", "berlin",
      "london", "village", "dorf", "alley", "rooftop", "architecture"], &[M::Scene(Sc::City)]),
    (&["desert", "dune", "wuste", "sahara", "sand", "mesa", "desierto", "oasis", "mars"], &[M::Scene(Sc::Desert)]),
    (&["field", "meadow", "garden", "wiese", "champ", "campo", "prairie", "pasture", "farm", "lawn", "grass",
      "jardin", "garten", "wheat", "countryside", "savanna", "park", "vineyard", "prado"],
     &[M::Scene(Sc::Field)]),
    (&["space", "cosmos", "galaxy", "nebula", "universe", "weltraum", "weltall", "espace", "espacio", "cosmic",
      "orbit", "astronomy", "milky way", "supernova", "blackhole", "black hole"], &[M::Scene(Sc::Space)]),
    (&["sky", "heaven", "himmel", "ciel", "cielo", "horizon"], &[M::Scene(Sc::Sky)]),
    (&["underwater", "reef", "coral", "deep sea", "aquarium", "seabed", "unterwasser", "kelp", "diver"],
     &[M::Scene(Sc::Underwater)]),
    (&["portrait", "face", "bust", "head", "gesicht", "visage", "retrato", "cara", "selfie", "avatar"],
     &[M::Scene(Sc::Portrait)]),
    (&["still life", "table", "stillleben", "nature morte", "bodegon", "tisch", "kitchen", "breakfast", "desk",
      "tabletop"], &[M::Scene(Sc::StillLife)]),
    (&["abstract", "abstrakt", "abstrait", "abstracto", "pattern", "shape", "texture", "composition", "flow",
      "gradient", "fractal", "swirl", "feeling", "emotion", "music"], &[M::Scene(Sc::Abstract)]),
    // Things.
    (&["boat", "sailboat", "sail", "boot", "segelboot", "bateau", "voilier", "barco", "velero", "yacht", "canoe",
      "dinghy", "sailing"], &[M::Subject(Su::Boat)]),
    (&["ship", "schiff", "navire", "ferry", "tanker", "pirate", "galleon"], &[M::Subject(Su::Ship)]),
    (&["lighthouse", "leuchtturm", "phare", "faro", "beacon"], &[M::Subject(Su::Lighthouse)]),
    (&["island", "insel", "ile", "isla", "archipelago"], &[M::Subject(Su::Island), M::Scene(Sc::Sea)]),
    (&["house", "cabin", "cottage", "hut", "barn", "haus", "hutte", "maison", "cabane", "casa", "cabana", "home",
      "farmhouse", "chalet"], &[M::Subject(Su::House)]),
    (&["castle", "schloss", "burg", "chateau", "castillo", "fortress", "tower", "palace", "temple"],
     &[M::Subject(Su::Castle)]),
    (&["tree", "baum", "arbre", "arbol", "oak", "willow", "birch"], &[M::Subject(Su::Tree)]),
    (&["cherry blossom", "sakura", "blossom"], &[M::Subject(Su::Tree), M::Season(Season::Spring)]),
    (&["palm", "palme", "palmier", "palmera", "coconut"], &[M::Subject(Su::Palm)]),
    (&["pine", "fir", "spruce", "conifer", "tanne", "sapin", "pino"], &[M::Subject(Su::Pine)]),
    (&["cactus", "cacti", "kaktus", "saguaro", "cacto"], &[M::Subject(Su::Cactus)]),
    (&["flower", "blume", "fleur", "flor", "tulip", "poppy", "sunflower", "daisy", "lavender", "rose", "bloom",
      "bouquet", "wildflower", "mohn", "orchid", "lily"], &[M::Subject(Su::Flower)]),
    (&["cat", "kitten", "katze", "chat", "gato", "kitty", "chaton", "gata"], &[M::Subject(Su::Cat)]),
    (&["dog", "puppy", "hund", "chien", "perro", "wolf", "loup", "lobo"], &[M::Subject(Su::Dog)]),
    (&["fox", "fuchs", "renard", "zorro"], &[M::Subject(Su::Fox)]),
    (&["rabbit", "bunny", "hare", "hase", "lapin", "conejo"], &[M::Subject(Su::Rabbit)]),
    (&["owl", "eule", "hibou", "buho"], &[M::Subject(Su::Owl)]),
    (&["bear", "ours", "oso", "panda"], &[M::Subject(Su::Bear)]),
    (&["deer", "stag", "elk", "moose", "reindeer", "hirsch", "reh", "cerf", "ciervo"], &[M::Subject(Su::Deer)]),
    (&["horse", "pony", "pferd", "cheval", "caballo", "unicorn"], &[M::Subject(Su::Horse)]),
    (&["bird", "vogel", "oiseau", "pajaro", "gull", "seagull", "eagle", "swallow", "crow", "raven", "crane", "ave"],
     &[M::Subject(Su::Bird)]),
    (&["fish", "fisch", "poisson", "pez", "shark", "goldfish", "koi", "salmon"], &[M::Subject(Su::Fish)]),
    (&["whale", "wal", "baleine", "ballena", "dolphin", "orca"], &[M::Subject(Su::Whale)]),
    (&["jellyfish", "qualle", "meduse", "medusa", "octopus"], &[M::Subject(Su::Jellyfish)]),
    (&["butterfly", "moth", "schmetterling", "papillon", "mariposa"], &[M::Subject(Su::Butterfly)]),
    (&["robot", "android", "cyborg", "roboter", "machine", "droid", "mech"], &[M::Subject(Su::Robot)]),
    (&["woman", "man", "girl", "boy", "person", "frau", "mann", "femme", "homme", "mujer", "hombre", "child",
      "human", "astronaut", "king", "queen", "lady", "people", "wizard", "samurai"],
     &[M::Subject(Su::Person)]),
    (&["balloon", "hot air", "montgolfiere", "globo", "airship", "zeppelin", "heissluftballon"],
     &[M::Subject(Su::Balloon)]),
    (&["rocket", "spaceship", "spacecraft", "rakete", "fusee", "cohete", "shuttle", "satellite", "ufo"],
     &[M::Subject(Su::Rocket)]),
    (&["planet", "saturn", "jupiter", "planete", "planeta", "earth"],
     &[M::Subject(Su::Planet), M::Scene(Sc::Space)]),
    (&["moon", "mond", "lune", "luna", "moonlight", "moonlit", "lunar"], &[M::Subject(Su::Moon)]),
    (&["sun", "sonne", "soleil", "sol"], &[M::Subject(Su::Sun)]),
    (&["star", "starry", "stern", "etoile", "estrella", "constellation", "comet", "meteor"],
     &[M::Subject(Su::Stars)]),
    (&["cup", "mug", "coffee", "tea", "tasse", "kaffee", "cafe", "taza", "espresso", "cocoa", "kettle", "teapot"],
     &[M::Subject(Su::Cup)]),
    (&["vase", "pot", "jug", "pitcher", "florero", "houseplant", "potted"], &[M::Subject(Su::Vase)]),
    (&["fruit", "apple", "pear", "lemon", "peach", "obst", "apfel", "pomme", "manzana", "banana", "grape",
      "pomegranate", "fruta", "bowl"], &[M::Subject(Su::Fruit)]),
    (&["bottle", "wine", "flasche", "bouteille", "botella", "glass"], &[M::Subject(Su::Bottle)]),
    (&["book", "buch", "livre", "libro", "library", "letter"], &[M::Subject(Su::Book)]),
    (&["candle", "kerze", "bougie", "vela", "lantern", "lamp"], &[M::Subject(Su::Candle)]),
    (&["bridge", "brucke", "pont", "puente", "viaduct"], &[M::Subject(Su::Bridge)]),
    (&["windmill", "mill", "windmuhle", "moulin", "molino", "turbine"], &[M::Subject(Su::Windmill)]),
    (&["tent", "camp", "camping", "zelt", "tente", "tienda", "campfire"], &[M::Subject(Su::Tent)]),
    (&["road", "path", "highway", "weg", "chemin", "camino", "trail", "route"], &[M::Subject(Su::Road)]),
    // Hours.
    (&["dawn", "sunrise", "morning", "morgen", "sonnenaufgang", "aube", "matin", "amanecer", "manana", "daybreak",
      "early"], &[M::Time(Time::Dawn)]),
    (&["noon", "midday", "day", "daylight", "mittag", "midi", "mediodia", "daytime", "afternoon", "tag", "jour",
      "dia"], &[M::Time(Time::Noon)]),
    (&["dusk", "sunset", "evening", "twilight", "abend", "sonnenuntergang", "dammerung", "crepuscule", "soir",
      "atardecer", "golden hour", "sundown", "ocaso", "coucher", "tarde"], &[M::Time(Time::Dusk)]),
    (&["night", "midnight", "nacht", "nuit", "noche", "nocturne", "nighttime", "mitternacht", "minuit"],
     &[M::Time(Time::Night)]),
    // Weather.
    (&["clear", "sunny", "cloudless", "sonnig", "ensoleille", "soleado"],
     &[M::Weather(Weather::Clear), M::Time(Time::Noon)]),
    (&["cloud", "cloudy", "overcast", "wolke", "nuage", "nube", "cumulus"], &[M::Weather(Weather::Cloudy)]),
    (&["rain", "rainy", "raining", "drizzle", "regen", "pluie", "lluvia", "wet", "shower", "monsoon", "puddle"],
     &[M::Weather(Weather::Rain)]),
    (&["snow", "snowy", "snowing", "snowfall", "blizzard", "schnee", "neige", "nieve", "frost", "ice", "icy",
      "frozen", "snowflake"], &[M::Weather(Weather::Snow), M::Season(Season::Winter)]),
    (&["storm", "stormy", "thunder", "lightning", "thunderstorm", "sturm", "gewitter", "tempete", "orage",
      "tormenta", "hurricane", "tempest", "blitz"], &[M::Weather(Weather::Storm)]),
    (&["fog", "foggy", "mist", "misty", "haze", "hazy", "nebel", "brouillard", "niebla", "brume", "smoke"],
     &[M::Weather(Weather::Fog)]),
    (&["wind", "windy", "breeze", "gale", "viento"], &[M::Weather(Weather::Wind)]),
    (&["aurora", "northern lights", "northern light", "polarlicht", "nordlicht", "aurore", "borealis"],
     &[M::Weather(Weather::Aurora), M::Time(Time::Night)]),
    (&["rainbow", "regenbogen", "arcoiris"], &[M::Weather(Weather::Rainbow), M::Time(Time::Noon)]),
    // Seasons.
    (&["spring", "springtime", "fruhling", "printemps", "primavera", "april"], &[M::Season(Season::Spring)]),
    (&["summer", "sommer", "ete", "verano", "july", "august"], &[M::Season(Season::Summer)]),
    (&["autumn", "fall", "herbst", "automne", "otono", "october", "november", "harvest"],
     &[M::Season(Season::Autumn)]),
    (&["winter", "hiver", "invierno", "december", "january", "christmas", "weihnachten"],
     &[M::Season(Season::Winter)]),
    // Moods.
    (&["calm", "peaceful", "serene", "quiet", "tranquil", "still", "ruhig", "calme", "paz", "gentle", "relaxing",
      "zen", "lone", "soft", "peace", "silence", "meditation"], &[M::Mood(Mood::Calm)]),
    (&["angry", "anger", "rage", "furious", "war", "violent", "fire", "wut", "colere", "ira", "aggressive", "hate",
      "lava", "inferno"], &[M::Mood(Mood::Angry)]),
    (&["sad", "sadness", "melancholy", "melancholic", "lonely", "grief", "traurig", "triste", "sorrow", "gloomy",
      "alone", "loneliness", "despair"], &[M::Mood(Mood::Sad)]),
    (&["joyful", "joy", "happy", "cheerful", "playful", "fun", "festive", "frohlich", "joie", "alegre", "party",
      "happiness", "celebration", "love", "energetic"], &[M::Mood(Mood::Joyful)]),
    (&["mysterious", "mystery", "spooky", "haunted", "eerie", "secret", "occult", "geheimnisvoll", "misterioso",
      "magic", "magical", "gothic", "horror", "ghost", "witch", "enchanted"], &[M::Mood(Mood::Mysterious)]),
    (&["dreamy", "dream", "surreal", "fantasy", "ethereal", "traum", "reve", "sueno", "whimsical", "fairy",
      "fairytale", "hope"], &[M::Mood(Mood::Dreamy)]),
    (&["minimal", "minimalist", "minimalism", "simple", "clean", "sparse", "empty"], &[M::Mood(Mood::Minimal)]),
    (&["chaotic", "chaos", "wild", "explosion", "energy", "frenzy", "turbulent", "hectic", "dynamic", "noise"],
     &[M::Mood(Mood::Chaotic)]),
    // Styles.
    (&["geometric", "bauhaus", "geometrisch", "geometry", "constructivist"], &[M::Style(Style::Geometric)]),
    (&["watercolor", "watercolour", "aquarell", "aquarelle", "acuarela", "gouache"],
     &[M::Style(Style::Watercolour)]),
    (&["ink", "sumi", "woodcut", "tusche", "encre", "tinta", "engraving", "linocut", "charcoal"],
     &[M::Style(Style::Ink)]),
    (&["pixel", "pixelart", "8bit", "8 bit", "16bit", "voxel"], &[M::Style(Style::Pixel)]),
    (&["lowpoly", "low poly", "polygon", "polygonal", "origami"], &[M::Style(Style::LowPoly)]),
    (&["lineart", "line art", "line drawing", "outline", "sketch", "pencil", "blueprint", "doodle"],
     &[M::Style(Style::LineArt)]),
    (&["retro", "synthwave", "vaporwave", "outrun", "80s", "1980s", "arcade"], &[M::Style(Style::Retro)]),
    (&["oil", "painting", "impressionist", "impressionism", "brush", "van gogh", "monet", "painterly", "acrylic",
      "expressionist", "olgemalde"], &[M::Style(Style::Oil)]),
    (&["halftone", "comic", "pop art", "popart", "risograph", "screenprint", "newspaper", "manga"],
     &[M::Style(Style::Halftone)]),
    (&["cubist", "cubism", "picasso", "stained glass", "mosaic", "kubismus", "cubisme"],
     &[M::Style(Style::Cubist)]),
    // Colours.
    (&["red", "crimson", "scarlet", "rot", "rouge", "rojo", "ruby", "blood"], &[M::Tint(Tint::Hue(27.0, 0.19))]),
    (&["orange", "amber", "naranja", "rust", "copper", "terracotta"], &[M::Tint(Tint::Hue(58.0, 0.16))]),
    (&["gold", "golden", "oro", "ochre", "honey"], &[M::Tint(Tint::Hue(85.0, 0.14))]),
    (&["yellow", "gelb", "jaune", "amarillo"], &[M::Tint(Tint::Hue(100.0, 0.16))]),
    (&["green", "emerald", "grun", "vert", "verde", "olive", "moss", "lime", "sage"],
     &[M::Tint(Tint::Hue(145.0, 0.14))]),
    (&["teal", "turquoise", "cyan", "aqua", "turkis", "petrol"], &[M::Tint(Tint::Hue(195.0, 0.11))]),
    (&["blue", "navy", "blau", "bleu", "azul", "cobalt", "azure", "indigo", "sapphire"],
     &[M::Tint(Tint::Hue(255.0, 0.15))]),
    (&["purple", "violet", "lila", "lilac", "morado", "mauve", "amethyst"], &[M::Tint(Tint::Hue(305.0, 0.15))]),
    (&["magenta", "fuchsia"], &[M::Tint(Tint::Hue(340.0, 0.20))]),
    (&["pink", "rosa", "coral pink", "blush"], &[M::Tint(Tint::Hue(5.0, 0.12))]),
    (&["brown", "sepia", "braun", "brun", "marron", "chocolate"], &[M::Tint(Tint::Hue(62.0, 0.07))]),
    (&["monochrome", "grey", "gray", "grau", "gris", "noir", "black and", "greyscale", "grayscale", "silver"],
     &[M::Tint(Tint::Grey)]),
    (&["pastel", "pale", "candy"], &[M::Tint(Tint::Pastel)]),
    (&["neon", "glowing", "fluorescent", "cyberpunk", "glow"], &[M::Tint(Tint::Neon)]),
    (&["synthwave", "vaporwave", "outrun"], &[M::Tint(Tint::Neon)]),
    (&["warm", "warme", "chaud", "calido", "cozy", "cosy", "hot"], &[M::Tint(Tint::Warm)]),
    (&["cool", "cold", "kalt", "froid", "frio", "chilly"], &[M::Tint(Tint::Cool)]),
    (&["vivid", "colourful", "colorful", "vibrant", "bunt", "saturated", "psychedelic"], &[M::Tint(Tint::Vivid)]),
    (&["dark", "black", "dunkel", "schwarz", "sombre", "oscuro", "negro", "shadow"], &[M::Tint(Tint::Dark)]),
    (&["bright", "white", "light", "weiss", "blanc", "blanco", "luminous"], &[M::Tint(Tint::Bright)]),
];
