//! Candidates that are all alive, on clocks of different rates, against a lock whose network loses,
//! delays and cuts off: in virtual time, exact at each write that the lock sees.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use proptest::prelude::*;
use tokio::{runtime::Builder, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{Clock, Elector, Leadership, Lock, LockError, Record, Step, Timing, Version};

/// A clock that runs faster or slower than the world's.
#[derive(Clone, Copy, Debug)]
struct SkewedClock {
    origin: Instant,
    rate: f64,
}

impl Clock for SkewedClock {
    fn now(&self) -> Duration {
        self.origin.elapsed().mul_f64(self.rate)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration.div_f64(self.rate)).await;
    }
}

/// What the network does to one request.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// Arrives and is answered; each way takes some milliseconds.
    Answered(u64, u64),
    /// Never arrives.
    Lost,
    /// Arrives, but the answer does not.
    AnswerLost(u64),
    /// Fails at once for the sender, and arrives all the same, that much later.
    ArrivesAfterFailure(u64),
}

#[derive(Default)]
struct Server {
    record: Option<(Record, u64)>,
    writes: u64,
    candidates: Vec<(String, Leadership<SkewedClock>)>,
    /// Who led, one after the other; whoever only created the record did not.
    holders: Vec<String>,
}

impl Server {
    fn read(&self) -> Option<(Record, Version)> {
        let (record, version) = self.record.clone()?;
        Some((record, Version(version.to_string())))
    }

    fn write(&mut self, record: &Record, expected: Option<&Version>) -> Result<Version, LockError> {
        let current = self.read().map(|(_, version)| version);
        if current.as_ref() != expected {
            return Err(LockError::Conflict);
        }
        if expected.is_some() {
            self.assert_only_the_holder_writes(record.holder.as_deref());
        }
        if let Some(holder) = &record.holder
            && record.transitions > 0
            && self.holders.last() != Some(holder)
        {
            self.holders.push(holder.clone());
        }
        self.writes += 1;
        self.record = Some((record.clone(), self.writes));
        Ok(Version(self.writes.to_string()))
    }

    /// The invariant, at the very moment at which the lock passes. (A creation passes nothing: the
    /// record may have been deleted under its holder, and its new holder waits.)
    fn assert_only_the_holder_writes(&self, holder: Option<&str>) {
        for (identity, leadership) in &self.candidates {
            assert!(
                Some(identity.as_str()) == holder || !leadership.may_write(),
                "{identity} may write while the lock passes to {holder:?}"
            );
        }
    }

    fn writers(&self) -> Vec<&str> {
        let may_write = |(_, leadership): &&(String, Leadership<_>)| leadership.may_write();
        let writers = self.candidates.iter().filter(may_write);
        writers.map(|(identity, _)| identity.as_str()).collect()
    }
}

/// One candidate's way to the server.
struct Network {
    server: Arc<Mutex<Server>>,
    fates: Arc<Mutex<VecDeque<Fate>>>,
}

impl Network {
    async fn send<T: Send + 'static>(
        &self,
        request: impl FnOnce(&mut Server) -> Result<T, LockError> + Send + 'static,
    ) -> Result<T, LockError> {
        let fate = self.fates.lock().expect("lock").pop_front();
        let server = Arc::clone(&self.server);
        match fate.unwrap_or(Fate::Answered(1, 1)) {
            Fate::Answered(there, back) => {
                tokio::time::sleep(Duration::from_millis(there)).await;
                let answer = request(&mut server.lock().expect("lock"));
                tokio::time::sleep(Duration::from_millis(back)).await;
                answer
            }
            Fate::Lost => std::future::pending().await,
            Fate::AnswerLost(there) => {
                tokio::time::sleep(Duration::from_millis(there)).await;
                let _unseen = request(&mut server.lock().expect("lock"));
                std::future::pending().await
            }
            Fate::ArrivesAfterFailure(later) => {
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(later)).await;
                    let _unseen = request(&mut server.lock().expect("lock"));
                });
                Err(LockError::Unavailable("connection reset".into()))
            }
        }
    }
}

impl Lock for Network {
    async fn read(&self) -> Result<Option<(Record, Version)>, LockError> {
        self.send(|server| Ok(server.read())).await
    }

    async fn write(
        &self,
        _step: Step,
        record: &Record,
        expected: Option<&Version>,
    ) -> Result<Version, LockError> {
        let (record, expected) = (record.clone(), expected.cloned());
        self.send(move |server| server.write(&record, expected.as_ref()))
            .await
    }
}

struct Candidate {
    rate: f64,
    fates: Vec<Fate>,
    /// Second of an orderly stop.
    stops_at: Option<u64>,
}

impl Candidate {
    fn healthy() -> Self {
        Self {
            rate: 1.0,
            fates: Vec::new(),
            stops_at: None,
        }
    }
}

struct World {
    server: Arc<Mutex<Server>>,
    fates: Vec<Arc<Mutex<VecDeque<Fate>>>>,
    stops: Vec<CancellationToken>,
}

impl World {
    fn start(candidates: &[Candidate]) -> Self {
        let server = Arc::new(Mutex::new(Server::default()));
        let mut world = Self {
            server,
            fates: Vec::new(),
            stops: Vec::new(),
        };
        for (index, candidate) in candidates.iter().enumerate() {
            world.add(index, candidate);
        }
        world
    }

    fn add(&mut self, index: usize, candidate: &Candidate) {
        let clock = SkewedClock {
            origin: Instant::now(),
            rate: candidate.rate,
        };
        let fates: VecDeque<Fate> = candidate.fates.iter().copied().collect();
        let fates = Arc::new(Mutex::new(fates));
        let network = Network {
            server: Arc::clone(&self.server),
            fates: Arc::clone(&fates),
        };
        let identity = format!("operator-{index}");
        let elector = Elector::new(identity.clone(), timing(), clock, network);
        let leadership = elector.leadership();
        let mut server = self.server.lock().expect("lock");
        server.candidates.push((identity, leadership));
        let stop = CancellationToken::new();
        tokio::spawn(elector.run(stop.clone()));
        if let Some(second) = candidate.stops_at {
            let stop = stop.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(second)).await;
                stop.cancel();
            });
        }
        self.fates.push(fates);
        self.stops.push(stop);
    }

    /// Lets time pass; at each step at most one candidate may write.
    async fn pass(&self, duration: Duration) {
        let end = Instant::now() + duration;
        while Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let server = self.server.lock().expect("lock");
            let writers = server.writers();
            assert!(writers.len() <= 1, "{writers:?} may write at once");
        }
    }

    fn writers(&self) -> Vec<String> {
        let server = self.server.lock().expect("lock");
        server.writers().into_iter().map(str::to_owned).collect()
    }
}

fn timing() -> Timing {
    let seconds = Duration::from_secs;
    Timing::new(seconds(15), seconds(10), seconds(2)).expect("valid")
}

fn simulate(world: impl Future<Output = ()>) {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(world);
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The request that a partition swallows, often enough for a whole test.
fn partition() -> VecDeque<Fate> {
    std::iter::repeat_n(Fate::Lost, 1000).collect()
}

#[test]
fn one_of_two_leads_and_the_other_follows() {
    simulate(async {
        let world = World::start(&[Candidate::healthy(), Candidate::healthy()]);
        world.pass(seconds(60)).await;
        assert_eq!(world.writers().len(), 1);
        assert_eq!(world.server.lock().expect("lock").holders.len(), 1);
    });
}

#[test]
fn a_failed_renewal_stops_the_writer_before_the_lease_passes_with_both_alive() {
    simulate(async {
        let world = World::start(&[Candidate::healthy()]);
        world.pass(seconds(20)).await;
        let mut world = world;
        world.add(1, &Candidate::healthy());
        world.pass(seconds(20)).await;
        assert_eq!(world.writers(), ["operator-0"]);

        *world.fates[0].lock().expect("lock") = partition();
        world.pass(seconds(11)).await;
        assert_eq!(world.writers(), [""; 0], "stopped, and not yet passed on");
        world.pass(seconds(10)).await;
        assert_eq!(world.writers(), ["operator-1"]);

        world.fates[0].lock().expect("lock").clear();
        world.pass(seconds(30)).await;
        assert_eq!(world.writers(), ["operator-1"], "the old leader follows");
    });
}

#[test]
fn one_lost_renewal_is_no_reason_to_stop() {
    simulate(async {
        let world = World::start(&[Candidate::healthy()]);
        world.pass(seconds(20)).await;
        for fate in [
            Fate::Lost,
            Fate::AnswerLost(1),
            Fate::ArrivesAfterFailure(1000),
        ] {
            world.fates[0].lock().expect("lock").push_back(fate);
            for _ in 0..20 {
                world.pass(seconds(1)).await;
                assert_eq!(world.writers(), ["operator-0"], "{fate:?}");
            }
        }
    });
}

#[test]
fn shutdown_gives_the_lease_back_and_the_next_takes_it_without_waiting_for_expiry() {
    simulate(async {
        let mut world = World::start(&[Candidate::healthy()]);
        world.pass(seconds(20)).await;
        world.add(1, &Candidate::healthy());
        world.pass(seconds(5)).await;
        world.stops[0].cancel();
        world.pass(seconds(3)).await;
        assert_eq!(world.writers(), ["operator-1"]);
    });
}

#[test]
fn a_deleted_lease_does_not_let_a_second_writer_in() {
    simulate(async {
        let mut world = World::start(&[Candidate::healthy()]);
        world.pass(seconds(20)).await;
        world.add(1, &Candidate::healthy());
        *world.fates[0].lock().expect("lock") = partition();
        world.server.lock().expect("lock").record = None;
        world.pass(seconds(12)).await;
        assert_eq!(world.writers(), [""; 0]);
        world.pass(seconds(10)).await;
        assert_eq!(world.writers(), ["operator-1"]);
    });
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => (0..500u64, 0..500u64).prop_map(|(there, back)| Fate::Answered(there, back)),
        2 => (0..6000u64, 0..6000u64).prop_map(|(there, back)| Fate::Answered(there, back)),
        3 => Just(Fate::Lost),
        2 => (0..4000u64).prop_map(Fate::AnswerLost),
        2 => (0..30_000u64).prop_map(Fate::ArrivesAfterFailure),
    ]
}

fn candidate() -> impl Strategy<Value = Candidate> {
    // 1.2 / 0.82 is just below the ratio of lease duration and renew deadline.
    (
        0.82..1.2f64,
        prop::collection::vec(fate(), 0..60),
        prop::option::of(1..100u64),
    )
        .prop_map(|(rate, fates, stops_at)| Candidate {
            rate,
            fates,
            stops_at,
        })
}

impl std::fmt::Debug for Candidate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            rate,
            fates,
            stops_at,
        } = self;
        write!(f, "rate {rate}, stops at {stops_at:?}, {fates:?}")
    }
}

proptest! {
    #[test]
    fn never_may_two_write_whatever_the_network_and_the_clocks_do(
        candidates in prop::collection::vec(candidate(), 2..4),
        deleted_at in prop::option::of(1..100u64),
    ) {
        simulate(async {
            let world = World::start(&candidates);
            if let Some(second) = deleted_at {
                world.pass(seconds(second)).await;
                world.server.lock().expect("lock").record = None;
            }
            world.pass(seconds(150)).await;
        });
    }

    #[test]
    fn somebody_leads_again_after_the_faults_have_ceased(
        mut candidates in prop::collection::vec(candidate(), 2..4),
    ) {
        candidates[0].stops_at = None;
        simulate(async {
            let world = World::start(&candidates);
            world.pass(seconds(100)).await;
            for fates in &world.fates {
                fates.lock().expect("lock").clear();
            }
            world.pass(seconds(60)).await;
            assert_eq!(world.writers().len(), 1);
        });
    }
}
