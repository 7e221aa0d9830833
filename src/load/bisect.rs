//! Which of several things a load fails at, by loading fewer and fewer of them. Pure.

/// Failures that the search may cost for each culprit that it is to find, beyond the halvings that one takes.
const CULPRITS: u32 = 4;

/// A search among suspects, each set of which is loaded by itself: what passes is committed by that, what fails is halved.
///
/// It ends when every suspect has passed or is a culprit, or when it has cost too much: what is undecided then is parked with the
/// culprits, and nothing of it is lost. Where nothing at all has passed after one suspect is reached, none of them is the cause.
#[derive(Debug)]
pub struct Bisect<T> {
    /// Sets that are not decided; the last is the next to be tried.
    open: Vec<Vec<T>>,
    culprits: Vec<T>,
    failures: u32,
    passed: bool,
    halvings: u32,
}

/// How a search ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Narrowed<T> {
    /// What failed alone.
    pub culprits: Vec<T>,
    /// What was not tried alone, because the search had cost too much.
    pub undecided: Vec<T>,
    /// Whether anything passed.
    pub some_passed: bool,
}

impl<T: Clone> Bisect<T> {
    /// A search among suspects that failed together.
    pub fn new(suspects: Vec<T>) -> Self {
        let halvings = usize::BITS - suspects.len().saturating_sub(1).leading_zeros();
        let mut bisect = Bisect { open: Vec::new(), culprits: Vec::new(), failures: 0, passed: false, halvings };
        bisect.halve(suspects);
        bisect
    }

    /// The set to be tried next; `None` when the search is over.
    pub fn next(&self) -> Option<&[T]> {
        let most = match self.passed {
            // A load with a cause of its own would fail for each suspect: it is not asked for each.
            false => self.halvings + CULPRITS,
            true => (self.halvings + 1) * CULPRITS,
        };
        if self.failures >= most { None } else { self.open.last().map(Vec::as_slice) }
    }

    /// The set was loaded.
    pub fn passed(&mut self) {
        self.open.pop();
        self.passed = true;
    }

    /// The set was refused.
    pub fn failed(&mut self) {
        self.failures += 1;
        if let Some(set) = self.open.pop() {
            self.halve(set);
        }
    }

    /// How it ended.
    pub fn end(self) -> Narrowed<T> {
        Narrowed {
            culprits: self.culprits,
            undecided: self.open.into_iter().flatten().collect(),
            some_passed: self.passed,
        }
    }

    fn halve(&mut self, mut set: Vec<T>) {
        if set.len() <= 1 {
            self.culprits.append(&mut set);
            return;
        }
        let right = set.split_off(set.len() / 2);
        self.open.push(right);
        self.open.push(set);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Searches among `0..suspects`, of which those in `bad` fail; gives the end, what was loaded, and the number of tries.
    fn search(suspects: u32, bad: &BTreeSet<u32>) -> (Narrowed<u32>, Vec<u32>, usize) {
        let mut bisect = Bisect::new((0..suspects).collect());
        let (mut loaded, mut tries) = (Vec::new(), 0);
        while let Some(set) = bisect.next() {
            tries += 1;
            if set.iter().any(|one| bad.contains(one)) {
                bisect.failed();
            } else {
                loaded.extend_from_slice(set);
                bisect.passed();
            }
        }
        (bisect.end(), loaded, tries)
    }

    #[test]
    fn one_culprit_among_ten_thousand_is_found_in_about_twice_its_halvings_and_the_rest_is_loaded() {
        for culprit in [0, 1, 4_999, 9_999] {
            let (end, loaded, tries) = search(10_000, &BTreeSet::from([culprit]));
            assert_eq!(end.culprits, [culprit]);
            assert!(end.undecided.is_empty() && end.some_passed);
            assert_eq!(loaded.len(), 9_999);
            assert!(tries <= 28, "{tries} tries");
        }
    }

    #[test]
    fn a_single_suspect_needs_no_try() {
        let (end, _, tries) = search(1, &BTreeSet::from([0]));
        assert_eq!((end.culprits, tries), (vec![0], 0));
    }

    #[test]
    fn a_cause_that_is_no_suspects_own_is_not_asked_for_each_of_them() {
        let (end, loaded, tries) = search(10_000, &(0..10_000).collect());
        assert!(loaded.is_empty() && !end.some_passed);
        assert_eq!(end.culprits.len() + end.undecided.len(), 10_000);
        assert!(tries <= 18, "{tries} tries");
    }

    proptest! {
        #[test]
        fn every_suspect_is_loaded_or_a_culprit_or_undecided_and_no_good_one_a_culprit(
            suspects in 2..300_u32,
            bad in prop::collection::btree_set(0..300_u32, 1..12),
        ) {
            let bad: BTreeSet<u32> = bad.into_iter().map(|one| one % suspects).collect();
            let (end, loaded, tries) = search(suspects, &bad);
            let mut all: Vec<u32> = loaded.iter().chain(&end.culprits).chain(&end.undecided).copied().collect();
            all.sort_unstable();
            prop_assert_eq!(all, (0..suspects).collect::<Vec<_>>());
            prop_assert!(end.culprits.iter().all(|one| bad.contains(one)));
            prop_assert!(loaded.iter().all(|one| !bad.contains(one)));
            prop_assert!(tries <= 100);
        }
    }
}
