//! Makes the database part of the one thread that everything else runs on.
//!
//! `SQLite` works on a thread of its own, whose answers come when they come. Whoever waits for them
//! here keeps the whole world waiting, the clock included: so nothing depends on when they come.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::task::unconstrained;
use tokio::time::{Sleep, sleep};

use crate::store::Store;

/// Waits for something that waits for a store alone.
pub(super) fn at_once<T>(work: impl Future<Output = T>) -> T {
    futures::executor::block_on(unconstrained(work))
}

/// What a node gave to its links before it died still goes out, as it does from a process.
pub(super) const LAST_WORDS: Duration = Duration::from_millis(1);

/// A node that dies where its store's `dies` says so, and never lets the world go on while it is in
/// the middle of a transaction. `None` if it died.
pub(super) struct Mortal<T> {
    node: Option<BoxFuture<'static, T>>,
    store: Store,
    dead: Arc<AtomicBool>,
    /// Called whenever the node has done what there was to do.
    at_rest: Box<dyn FnMut() + Send>,
    last_words: Option<Pin<Box<Sleep>>>,
    on_death: Option<Box<dyn FnOnce() + Send>>,
    alarm: Arc<Alarm>,
}

impl<T: 'static> Mortal<T> {
    pub(super) fn new(
        node: impl Future<Output = T> + Send + 'static,
        store: Store,
        dead: Arc<AtomicBool>,
        at_rest: impl FnMut() + Send + 'static,
        on_death: impl FnOnce() + Send + 'static,
    ) -> Self {
        let alarm = Alarm { home: thread::current(), rung: AtomicBool::new(false), task: Mutex::new(None) };
        Self {
            node: Some(Box::pin(unconstrained(node))),
            store,
            dead,
            at_rest: Box::new(at_rest),
            last_words: None,
            on_death: Some(Box::new(on_death)),
            alarm: Arc::new(alarm),
        }
    }
}

/// Wakes the task for what happens on this thread, the thread for what the database says.
struct Alarm {
    home: Thread,
    rung: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        if thread::current().id() == self.home.id() {
            self.task.lock().unwrap().iter().for_each(Waker::wake_by_ref);
        } else {
            self.rung.store(true, Ordering::Release);
            self.home.unpark();
        }
    }
}

impl<T> Mortal<T> {
    fn speak_last(&mut self, context: &mut Context<'_>) -> Poll<Option<T>> {
        let words = self.last_words.get_or_insert_with(|| Box::pin(sleep(LAST_WORDS)));
        words.as_mut().poll(context).map(|()| {
            self.on_death.take().into_iter().for_each(|die| die());
            None
        })
    }
}

impl<T> Future for Mortal<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let this = &mut *self;
        *this.alarm.task.lock().unwrap() = Some(context.waker().clone());
        let waker = Waker::from(Arc::clone(&this.alarm));
        loop {
            let Some(node) = &mut this.node else { return this.speak_last(context) };
            if let Poll::Ready(ending) = node.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Poll::Ready(Some(ending));
            }
            if this.dead.load(Ordering::Relaxed) {
                this.node = None;
                (this.at_rest)();
            } else if this.store.is_busy() {
                while !this.alarm.rung.swap(false, Ordering::Acquire) {
                    thread::park();
                }
            } else {
                (this.at_rest)();
                return Poll::Pending;
            }
        }
    }
}
