//! Words that no title is made of, as [keys](super::key).

/// Function words of English.
const ENGLISH: &str = "\
a about actually after all already also always am an and any anybody anyone anything are aren't as at back be \
because been before being best better between both but by can can't cannot could couldn't did didn't do doe does \
doesn't doing don't done each either else even ever every everything few for from get getting go going good got had \
has hasn't have haven't having he her here hi hello hey him his how i i'd i'm i've i'll if in into is isn't it it's \
its just kind keep keeps let like lot made make many may maybe me might more most much must my need never new no not \
now of off ok okay on once only or other our out over own per please quite rather really same say she should \
shouldn't so some somebody someone something still such take than thank thanks that that's the their them then there \
there's these they thing things this those through to too up us use using very via v versus buy want was wasn't way \
we well were what what's when where which while who why will with without won't would wouldn't yes yet you your \
yours seem trying try wondering possible able anyway today dear sir morning lately recently currently under against \
during toward towards among upon";

/// The same of German, French, Spanish, Italian and Portuguese.
const OTHERS: &str = "\
der die das den dem des ein eine einen einem einer und oder aber ich du er sie es wir ihr mein meine meinen dein wie \
wa wer wo wann warum welche kann kannst können mir mich dir dich bitte ist sind war habe hast hat haben mit von zu \
zum zur im am auf für nicht auch mal bei hallo möchte soll sich wird werden da dass gut le la les un une de et ou je \
tu il elle nou vou mon ma me te ce cette que qui quel quelle comment pourquoi est sont avec pour dan dans sur pas ne \
peux peut bonjour au aux en est-ce puis-je mes el los las una uno y o mi mis su qué cómo como cuál son con para por \
del al puedo puede hola lo gli i della di che come sono per um uma os do dos não eu é favor meu minha posso mio mia \
faço hago fare";

/// Words that ask for something, and don't say for what.
const REQUESTS: &str = "\
advice answer ask create describe draft explain find generate give happen help idea know learn look looking mean \
question recommend show suggest suggestion tell think tip understand write stuck start compare work sentence word \
paragraph small big large proofread summarize summarise one two three four five six seven eight nine ten old assist \
guide wish hope love advise come put see feel sure different difference quick quickly week day year time people \
schreiben schreibe schreib erkläre helfen escribe explica expliquer écris";

/// Small words that a title can do without.
const ARTICLES: &str = "\
a an the my our your some this that these those its it his her their i you we he she they should could would can do \
did is are wa were be now buy keep";

/// Whether a key says nothing.
pub(super) fn is_empty(key: &str) -> bool {
    has(ENGLISH, key) || has(OTHERS, key) || (key.chars().count() == 1 && key.is_ascii())
}

/// Whether a key only asks.
pub(super) fn is_request(key: &str) -> bool {
    has(REQUESTS, key)
}

/// Whether a title does without a key.
pub(super) fn is_article(key: &str) -> bool {
    has(ARTICLES, key)
}

fn has(words: &str, key: &str) -> bool {
    words.split(' ').any(|word| word == key)
}
