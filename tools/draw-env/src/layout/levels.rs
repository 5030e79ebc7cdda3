//! In which column each app stands, and in which order within it: whoever calls stands left of whom it
//! calls, and calls cross as little as a few sweeps can do.

use std::collections::{BTreeMap, BTreeSet};

/// How often the order is brought into line with that of the neighbours.
const SWEEPS: usize = 6;

/// Who calls whom, by number.
pub(crate) type Calls = BTreeMap<usize, BTreeSet<usize>>;

/// The column of each of `count` apps, from 0: one more than that of any caller. Where calls go round
/// in a circle, one of them goes back; which one follows from `order`, in which apps are looked at.
pub(crate) fn columns(count: usize, calls: &Calls, order: &[usize]) -> Vec<usize> {
    let none = BTreeSet::new();
    let called = |app: usize| calls.get(&app).unwrap_or(&none);
    let (mut seen, mut done) = (vec![false; count], vec![false; count]);
    let mut forward = vec![Vec::new(); count];
    let mut finished = Vec::new();
    for root in order {
        let mut path = vec![(*root, called(*root).iter())];
        if std::mem::replace(&mut seen[*root], true) {
            continue;
        }
        while let Some((app, rest)) = path.last_mut() {
            let app = *app;
            let Some(next) = rest.next() else {
                done[app] = true;
                finished.push(app);
                path.pop();
                continue;
            };
            if !seen[*next] || done[*next] {
                forward[app].push(*next);
            }
            if !std::mem::replace(&mut seen[*next], true) {
                path.push((*next, called(*next).iter()));
            }
        }
    }
    let mut columns = vec![0; count];
    for app in finished.into_iter().rev() {
        for next in &forward[app] {
            columns[*next] = columns[*next].max(columns[app] + 1);
        }
    }
    columns
}

/// The order of items within levels. `links` are pairs of items in neighbouring levels; an item's number
/// breaks ties.
pub(crate) fn order(mut levels: Vec<Vec<usize>>, links: &[(usize, usize)]) -> Vec<Vec<usize>> {
    let mut neighbours: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (one, other) in links {
        neighbours.entry(*one).or_default().push(*other);
        neighbours.entry(*other).or_default().push(*one);
    }
    let count = levels.len();
    for sweep in 0..SWEEPS {
        let there: Vec<usize> = (1..count).collect();
        let back: Vec<usize> = (0..count.saturating_sub(1)).rev().collect();
        let forward = sweep % 2 == 0;
        for level in if forward { there } else { back } {
            let beside = if forward { level - 1 } else { level + 1 };
            let places = places(&levels[beside]);
            let own = self::places(&levels[level]);
            let place = |item| middle(&neighbours, &places, item).unwrap_or(own[&item]);
            let items = levels[level].iter();
            let mut placed: Vec<(f64, usize)> = items.map(|item| (place(*item), *item)).collect();
            placed.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
            levels[level] = placed.into_iter().map(|(_, item)| item).collect();
        }
    }
    levels
}

/// Where each item of a level is, from 0 at its top to 1.
fn places(level: &[usize]) -> BTreeMap<usize, f64> {
    let count = level.len() as f64;
    let places = level.iter().enumerate();
    places
        .map(|(place, item)| (*item, (place as f64 + 0.5) / count))
        .collect()
}

/// The middle of an item's neighbours in the level beside it.
fn middle(
    neighbours: &BTreeMap<usize, Vec<usize>>,
    places: &BTreeMap<usize, f64>,
    item: usize,
) -> Option<f64> {
    let of_item = neighbours.get(&item)?.iter();
    let known: Vec<f64> = of_item
        .filter_map(|other| places.get(other).copied())
        .collect();
    let sum: f64 = known.iter().sum();
    (!known.is_empty()).then(|| sum / known.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(pairs: &[(usize, usize)]) -> Calls {
        let mut calls = Calls::new();
        for (from, to) in pairs {
            calls.entry(*from).or_default().insert(*to);
        }
        calls
    }

    #[test]
    fn callers_stand_left_of_whom_they_call() {
        for (pairs, order, expected) in [
            (vec![], [0, 1, 2], [0, 0, 0]),
            (vec![(0, 1), (1, 2), (0, 2)], [0, 1, 2], [0, 1, 2]),
            (vec![(2, 1), (1, 0)], [0, 1, 2], [2, 1, 0]),
            (vec![(0, 1), (1, 2), (2, 0)], [0, 1, 2], [0, 1, 2]),
            (vec![(0, 1), (1, 2), (2, 0)], [1, 0, 2], [2, 0, 1]),
            (vec![(0, 0), (0, 1)], [0, 1, 2], [0, 1, 0]),
        ] {
            assert_eq!(columns(3, &calls(&pairs), &order), expected, "{pairs:?}");
        }
    }

    #[test]
    fn a_chain_as_long_as_a_file_can_be_is_laid_out() {
        let long: Vec<(usize, usize)> = (0..2999).map(|app| (app, app + 1)).collect();
        let order: Vec<usize> = (0..3000).collect();
        assert_eq!(columns(3000, &calls(&long), &order)[2999], 2999);
    }

    #[test]
    fn items_stand_beside_their_neighbours() {
        let levels = vec![vec![0, 1, 2], vec![3, 4, 5]];
        let ordered = order(levels, &[(0, 5), (1, 4), (2, 3)]);
        let crossed = ordered[0] == [0, 1, 2] && ordered[1] == [5, 4, 3];
        let turned = ordered[0] == [2, 1, 0] && ordered[1] == [3, 4, 5];
        assert!(crossed || turned, "{ordered:?}");
    }
}
