//! What can go wrong in a world, how often, and how often it did.
//!
//! Each world has weather of its own: about half of all kinds of faults, each at a rate of its own. Worlds in which
//! everything goes wrong at once find less, for nothing there gets far enough to go wrong late.

use crate::dice::Dice;

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $rate:literal;)*) => {
        /// A kind of fault.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault { $($(#[$doc])* $name),* }

        impl Fault {
            /// All there are.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// As in the report.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }

            /// How often it happens at most where it can, in a thousand.
            const fn rate(self) -> u64 {
                match self { $(Self::$name => $rate),* }
            }
        }
    };
}

faults! {
    /// The process ends before a commit.
    CrashBeforeCommit = "crash_before_commit", 1000;
    /// The process ends after a commit, before its answer.
    CrashAfterCommit = "crash_after_commit", 1000;
    /// The process ends at some moment.
    CrashAnywhere = "crash_anywhere", 1000;
    /// The process ends while it puts back what the one before it left.
    CrashInRecovery = "crash_in_recovery", 1000;
    /// The process is asked to stop, and leaves in time or not.
    PoliteStop = "polite_stop", 1000;
    /// The store can't be reached for a while.
    StoreAway = "store_unavailable", 25;
    /// A commit is made, and is said to have failed.
    CommitUnknown = "commit_unknown", 25;
    /// The disk is full for a while.
    DiskFull = "disk_full", 15;
    /// Blobs can't be written for a while.
    BlobsAway = "blobs_unavailable", 150;
    /// The provider has no room.
    Busy = "provider_busy", 250;
    /// The provider can't be reached.
    Unreachable = "provider_unavailable", 200;
    /// The provider refuses.
    Rejected = "provider_rejects", 100;
    /// It landed, and the answer is lost.
    ReplyLost = "reply_lost", 250;
    /// It never arrived, and nobody said so.
    NeverArrived = "never_arrived", 200;
    /// It arrives long after we gave up waiting.
    LandsLate = "lands_late", 200;
    /// It landed, and nothing is answered at all.
    StartHangs = "start_hangs", 120;
    /// The model fails.
    ModelFails = "model_fails", 150;
    /// A worker of ours dies.
    WorkerDies = "worker_dies", 200;
    /// Work that never ends by itself.
    NeverEnds = "poll_never_ends", 150;
    /// A poll that brings older news again.
    PollOlder = "poll_older_news", 250;
    /// A poll says that it still runs what is done.
    PollLies = "poll_lies_running", 300;
    /// A poll says something that we have no word for.
    PollStrange = "poll_strange_state", 150;
    /// A poll fails.
    PollFails = "poll_fails", 200;
    /// The answer to a poll says that all is lost.
    PollLost = "poll_lost", 40;
    /// The provider takes the wish to stop, and goes on.
    StopIgnored = "done_after_we_gave_up", 400;
    /// The wish to stop does not get through.
    StopFails = "cancel_fails", 300;
    /// The question after what is unknown gets no answer.
    LookupFails = "lookup_fails", 400;
    /// What was made can't be fetched for a while.
    FetchFails = "fetch_fails", 300;
    /// What was made is no picture.
    BadOutput = "bad_output", 80;
    /// A stream breaks off.
    StreamCut = "stream_cut", 200;
    /// A stream falls silent.
    StreamSilent = "stream_silent", 120;
    /// A stream does not say what was used.
    NoUsage = "stream_without_usage", 300;
    /// A provider says that it used more than it was allowed to.
    LimitBroken = "provider_breaks_limit", 120;
    /// A provider is left out of the configuration for a life of the server.
    NotConfigured = "provider_not_configured", 250;
    /// The wall clock jumps forwards.
    ClockForward = "clock_forward", 500;
    /// The wall clock jumps backwards.
    ClockBackward = "clock_backward", 500;
    /// Somebody with an old lease wakes up.
    StaleLease = "stale_lease", 700;
    /// News that is old is told again.
    OldNews = "news_repeated", 700;
    /// A wish to stop comes about when the work is done.
    CancelRace = "cancel_races_completion", 500;
    /// A deadline passes about when the work is done.
    DeadlineRace = "deadline_races_completion", 500;
    /// Several ask at once for what is left of a budget.
    BudgetRace = "budget_race", 1000;
    /// A budget is changed while it is spent.
    BudgetChanged = "budget_changed", 700;
    /// A job is taken from its queue by somebody who then vanishes.
    ClaimForgotten = "claim_without_attempt", 250;
    /// A person who settles what nobody knows is mistaken.
    PersonErrs = "person_mistaken", 600;
    /// A provider's bill comes long after all is over, and says something else.
    LateBill = "late_bill", 1000;
    /// What ended without a result is asked for once more.
    Retried = "retried", 400;
    /// The same is asked again, at once or later.
    Repeat = "request_repeated", 600;
    /// Another request comes with a key that was used.
    KeyReused = "key_reused", 250;
    /// Two of every loop work at the same time.
    SecondDispatcher = "second_dispatcher", 1000;
}

/// How many there are.
pub const KINDS: usize = Fault::ALL.len();

/// What goes wrong in one world: rates in a thousand.
#[derive(Debug, Clone)]
pub struct Weather([u64; KINDS]);

impl Weather {
    /// Draws it.
    pub fn draw(dice: &mut Dice) -> Self {
        let mut rates = [0; KINDS];
        for (rate, fault) in rates.iter_mut().zip(Fault::ALL) {
            let happens = dice.per_mille(500);
            let share = dice.from_to(1, 4);
            *rate = if happens { (fault.rate() * share / 4).max(1) } else { 0 };
        }
        Self(rates)
    }

    /// How often a fault happens where it can.
    pub fn rate(&self, fault: Fault) -> u64 {
        self.0[fault as usize]
    }
}

/// How often each kind happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts([u64; KINDS]);

impl Default for Counts {
    fn default() -> Self {
        Self([0; KINDS])
    }
}

impl Counts {
    /// Counts one.
    pub fn count(&mut self, fault: Fault) {
        self.0[fault as usize] += 1;
    }

    /// Adds those of another world.
    pub fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, more)| *sum += more);
    }

    /// By name.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Fault::ALL.iter().zip(self.0).map(|(fault, count)| (fault.as_str(), count))
    }
}
