//! The least harmful choice of one option a layer whose costs stay within a budget.

/// An option of a layer: what it costs, and what harm it does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// Cost, 0 or more.
    pub cost: f64,
    /// Harm; the sum over the layers is to be small.
    pub harm: f64,
}

/// Steps into which the budget is divided; costs are rounded up to whole steps.
const STEPS: f64 = 4096.0;

/// For each layer the index of an option, so that the costs add up to at most `budget` and the harm
/// is least; nothing if no choice keeps the budget.
///
/// A dynamic program over the layers (multiple-choice knapsack: Sinha and Zoltners 1979) that keeps,
/// at each of 4096 levels of cost, the least harm. Rounding the costs up can lose a choice that would
/// just fit, but never the budget; then the cheapest choice is tried.
pub fn assign(layers: &[Vec<Choice>], budget: f64) -> Option<Vec<usize>> {
    if budget < 0.0 {
        return None;
    }
    let quantum = budget / STEPS;
    let levels = STEPS as usize + 1;
    let steps = |cost: f64| match quantum > 0.0 {
        true => (cost / quantum).ceil() as usize,
        false => usize::from(cost > 0.0) * levels,
    };
    // least harm at each level after each layer, and the option that led there
    let mut harm = vec![f64::INFINITY; levels];
    harm[0] = 0.0;
    let mut taken: Vec<Vec<usize>> = Vec::with_capacity(layers.len());
    for options in layers {
        let mut next = vec![f64::INFINITY; levels];
        let mut choice = vec![usize::MAX; levels];
        for (idx, option) in options.iter().enumerate() {
            let step = steps(option.cost);
            for level in step..levels {
                let found = harm[level - step] + option.harm;
                if found < next[level] {
                    (next[level], choice[level]) = (found, idx);
                }
            }
        }
        harm = next;
        taken.push(choice);
    }
    let best = (0..levels).min_by(|a, b| harm[*a].total_cmp(&harm[*b]))?;
    if harm[best].is_infinite() {
        return cheapest(layers, budget);
    }
    let mut level = best;
    let mut picked = vec![0; layers.len()];
    for (idx, options) in layers.iter().enumerate().rev() {
        picked[idx] = taken[idx][level];
        level -= steps(options[picked[idx]].cost);
    }
    Some(picked)
}

/// The cheapest option of each layer, if together they keep the budget.
fn cheapest(layers: &[Vec<Choice>], budget: f64) -> Option<Vec<usize>> {
    let least = |options: &Vec<Choice>| {
        (0..options.len()).min_by(|a, b| options[*a].cost.total_cmp(&options[*b].cost))
    };
    let picked: Vec<usize> = layers.iter().map(least).collect::<Option<_>>()?;
    let cost: f64 = picked.iter().zip(layers).map(|(idx, options)| options[*idx].cost).sum();
    (cost <= budget).then_some(picked)
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn total(layers: &[Vec<Choice>], picked: &[usize]) -> (f64, f64) {
        let sum = |value: fn(&Choice) -> f64| {
            picked.iter().zip(layers).map(|(idx, options)| value(&options[*idx])).sum::<f64>()
        };
        (sum(|c| c.cost), sum(|c| c.harm))
    }

    /// The least harm of all combinations.
    fn by_trying_all(layers: &[Vec<Choice>], budget: f64) -> Option<f64> {
        let mut best = None;
        let mut picked = vec![0; layers.len()];
        loop {
            let (cost, harm) = total(layers, &picked);
            if cost <= budget && best.is_none_or(|best| harm < best) {
                best = Some(harm);
            }
            let Some(at) = (0..layers.len()).find(|at| picked[*at] + 1 < layers[*at].len()) else {
                return best;
            };
            picked[at] += 1;
            picked[..at].fill(0);
        }
    }

    #[test]
    fn the_least_harm_of_all_combinations() {
        let mut random = ChaCha8Rng::seed_from_u64(4);
        let mut found_none = 0;
        for _ in 0..60 {
            let mut layer = |_| -> Vec<Choice> {
                let option = |bits: u32| Choice {
                    // whole steps of the budget, so that nothing is lost by rounding
                    cost: f64::from(bits * random.random_range(1..30)),
                    harm: random.random_range(0.0..1.0),
                };
                (1..=4).map(option).collect()
            };
            let layers: Vec<Vec<Choice>> = (0..6).map(&mut layer).collect();
            for budget in [64.0, 128.0, 256.0, 512.0] {
                let expected = by_trying_all(&layers, budget);
                let picked = assign(&layers, budget);
                assert_eq!(picked.is_some(), expected.is_some());
                let (Some(picked), Some(expected)) = (picked, expected) else {
                    found_none += 1;
                    continue;
                };
                let (cost, harm) = total(&layers, &picked);
                assert!(cost <= budget, "{cost} over {budget}");
                assert!((harm - expected).abs() < 1e-9, "{harm}, best {expected}");
            }
        }
        assert!(found_none > 0, "budgets that cannot be kept are among the cases");
    }

    #[test]
    fn rounding_never_loses_the_cheapest_choice() {
        let odd = |cost: f64| vec![Choice { cost, harm: 1.0 }, Choice { cost: 9.0, harm: 0.0 }];
        let layers = [odd(0.3333), odd(0.3333), odd(0.3334)];
        assert_eq!(assign(&layers, 1.0), Some(vec![0, 0, 0]));
        assert_eq!(assign(&layers, 0.99), None);
        assert_eq!(assign(&layers, 0.0), None);
        let free = [vec![Choice { cost: 0.0, harm: 0.5 }]];
        assert_eq!(assign(&free, 0.0), Some(vec![0]));
        assert_eq!(assign(&free, -1.0), None);
    }
}
