//! What is known of English and of the field: words that say nothing, words that say little, and words for the same thing.

use super::words::stem;
use std::collections::{HashMap, HashSet};

/// Words that say nothing about what is asked.
const EMPTY: &str = "\
a about above again all also am an and any anyone anything are arent as at be been being but by can could \
did didnt do does doesnt doing dont either else for from had has have havent having he hello her here hers hey hi him his \
how i id ill im in into is isnt it its itself ive just lets may maybe me might mine more my myself no not now of off ok on \
one only onto or other our ours out over please she should shouldnt so some somebody someone something such than thank \
thanks that thats the their them then there theres these they theyre this those to too up us very via was wasnt we were \
werent what whats when where wheres whether which while who whose why will with wont would wouldnt yes yet you your yours";

/// Words that say little, whether they stand in the documentation or not.
const WEAK: &str = "\
able accept actual actually allow already always answer anywhere anybody apart around ask available away back bad become \
before after behave behind below better bit bring call cannot cant case certain change choose clear come common computer correct \
correctly couple current currently day default define detail different directly during each easy enough ever every \
everything exact exactly exist expect explain fast few find first fit full get give go goes good great guy handle happen \
hard have help idea immediately inside instead item keep kind know laptop later let like line little long look lot \
machine main make many matter mean meaning method minute moment much must name necessary need never new nothing offer \
often old open order outside own part people person place point possible previous probably problem proper properly \
purpose put quick quickly quite really reason related right same say second see set several show simple simply single \
slow somehow sometimes somewhere soon sort specific step still studio support supported sure take tell thing think time \
together total true try turn two type understand until use useful user using usual usually value want way week well whole \
within without word work works worry wrong \
accomplish achieve advice affect almost alone along amount appear apply approach aspect assume basic basically basics \
begin believe belong bother brief briefly cause compatible concept concern consider contain contrary describe \
differ difference difficult discuss easily effect ensure entire entirely especially etc example fact fairly \
feature figure final finally form forward general generally generic guess guide handy hint hope hour include instance \
intend intended interest involve issue latest learn least leave literally local locally mainly manner mention \
merely moreover multiple namely nearly next normal normally note notice obtain obvious occur option otherwise overall \
particular perform perhaps plain prefer pretty principle proceed provide range rather reach recent recently regard \
relate remain require respect sample seem select sense separate situation specify standard stuff supposed surely switch \
talk therefore topic towards tutorial typical typically unlike usage variety various view wish wonder";

/// Words that people use around any question about software. They say less than others, and one that the documentation
/// doesn't have says little.
const ORDINARY: &str = "\
access account active answer biggest activate admin administrator app application arrive assign attach attempt automatic automatically \
avoid backend batch beginner browse browser bug cache cents check client cloud code collect collector combine command \
compare complete component configure connect console content control convert copy count custom customer customize data \
deal delay deliver dependency deploy deployment desktop detect dev developer development device disable display document \
dollar download edit effort enable engineer enter environment evaluate event execute expose extend external extra feed \
field filter finish fix flag folder force framework frontend function generator grow hardware header highest hook host largest longest lowest maximum minimum request result \
identify import improve increase incoming individual info information input insert inspect instruction integrate \
integration interface internal interrupt introduce invalid investigate join kept language latency layer leak leaked level \
link linux load local locate location lock loop mac machine maintain manage management manual manually measure memory \
merge message metadata migrate mobile mode modify module monitor mount move native node notify number object official \
online operate optimize organize output override overwrite package page panel parallel parse pass paste patch path pause \
pending permanent permission pick pipeline platform plugin policy pool popular post practice prepare prevent previous \
print privacy private process production program progress project protect protocol provide public publish pull purge \
push queue react read receive recover redirect reduce reference register release reload remote rename \
replace report repository reset resource respond response restart restore restrict result resume return review role \
root rotate rule sandbox save scale scan schedule screen script search secure security self sensitive serve service \
session setup share shell simulate site size skip software sort source split stable stage startup stay storage storing \
structure submit succeed sudden suddenly suggest suit supply survive sync system tab table tag target task team \
temporary terminal throw tool track trace traffic transfer trigger trouble troubleshoot tweak unable undo unexpected \
unfinished uninstall update upgrade upload url utility valid value variable verify version view virtual visible visit \
volume warn warning watch website write yourself";

/// Words for the same thing, a group a line. One that is asked for finds the others too, a little less well.
const SAME: &str = "\
photo picture image pic illustration drawing artwork
price cost charge fee bill rate expensive
pay cost charge spend money
budget cap
stop cancel abort terminate halt quit shutdown interrupt end
start launch boot begin serve
run start serve
token key credential password secret
crash kill die dead
power crash kill
crash worker
error failure fault refusal fail refuse
broken wrong fail
delete remove revoke
revoke disable invalidate withdraw
create generate make draw produce
add new define register
config configure configuration setting option toml
limit throttle quota
rate limit
maximum max largest biggest longest upper most highest
minimum min smallest least lowest
offline network internet online connection
license licence apache
login signin sign authenticate authentication authorization auth bearer
duplicate repeat twice idempotency idempotent retry again
safe safely idempotency
log logging logs stderr
prompt text description
disk space storage
full space
database db sqlite storage
port address listen
endpoint route url path post get
wait timeout prefer
async asynchronous background wait
progress follow watch track event stream
resume reconnect last event
state status
gpu cog container docker
verify check audit validate
ledger books accounting
documentation docs doc openapi
swagger openapi
env environment variable
install build compile setup
setup configure
requirement need prerequisite dependency require
benchmark bench measure performance
download send bytes asset
size dimension width height resolution pixel large big
format jpeg png webp jpg file
child process worker
folder directory dir
store save keep hold
reproduce reproducible seed deterministic
server process
concurrency parallel simultaneous simultaneously concurrent
health ready liveness alive up
readiness ready
history newest list
own yours another
expire deadline timeout
lint formatting style
permission scope
vendor provider
variation picture
instance server
overspend budget
refund void charge
hash content
backup copy
webhook cog
mean meaning
alias aliases
retention remember
invoice usage cost
cli command
rust cargo
tamper update delete
privacy prompt log
verbose debug
question prompt";

/// The lists, ready to be asked.
#[derive(Debug)]
pub(super) struct Vocabulary {
    empty: HashSet<&'static str>,
    weak: HashSet<String>,
    ordinary: HashSet<String>,
    same: HashMap<String, Vec<String>>,
}

impl Vocabulary {
    pub(super) fn new() -> Self {
        let mut same: HashMap<String, Vec<String>> = HashMap::new();
        for group in SAME.lines() {
            let terms: Vec<_> = group.split_whitespace().map(stem).collect();
            for term in &terms {
                let others = terms.iter().filter(|other| *other != term);
                same.entry(term.clone()).or_default().extend(others.cloned());
            }
        }
        Self {
            empty: EMPTY.split_whitespace().collect(),
            weak: WEAK.split_whitespace().map(stem).collect(),
            ordinary: ORDINARY.split_whitespace().map(stem).collect(),
            same,
        }
    }

    /// Whether a word says nothing; as it is written, in lower case.
    pub(super) fn is_empty(&self, word: &str) -> bool {
        self.empty.contains(word)
    }

    /// Whether a term says little.
    pub(super) fn is_weak(&self, term: &str) -> bool {
        self.weak.contains(term)
    }

    /// Whether a term stands in many questions about software.
    pub(super) fn is_ordinary(&self, term: &str) -> bool {
        self.ordinary.contains(term)
    }

    /// Terms for the same thing.
    pub(super) fn same(&self, term: &str) -> &[String] {
        self.same.get(term).map_or(&[], Vec::as_slice)
    }
}
