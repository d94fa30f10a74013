//! A small selection of cells in which each combination of two values, or of three, stands at least
//! once (a covering array, made greedily; always the same one).

/// A question that each cell answers by one of its values.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    /// Its name.
    pub name: &'static str,
    /// Its values.
    pub values: &'static [&'static str],
}

/// Values that cannot stand together in a cell, and why.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Axes, and the values of each that the rule is about; it holds where all of them match.
    pub when: &'static [(&'static str, &'static [&'static str])],
    /// A sentence.
    pub because: &'static str,
}

/// One value of each axis, by their indices.
pub type Cell = Vec<usize>;

/// The selection.
#[derive(Debug)]
pub struct Covering {
    /// The cells.
    pub cells: Vec<Cell>,
    /// How many combinations stand in them.
    pub combinations: usize,
    /// How many combinations each rule makes impossible; a combination counts for the first one.
    pub impossible: Vec<usize>,
}

/// The axes with rules by index: which values of which axis.
struct Space {
    sizes: Vec<usize>,
    rules: Vec<Vec<(usize, Vec<usize>)>>,
}

/// A cell that is not complete.
type Partial = Vec<Option<usize>>;

impl Space {
    fn new(axes: &[Axis], rules: &[Rule]) -> Self {
        let place = |names: &[&str], name: &str| {
            names.iter().position(|other| *other == name).unwrap_or_else(|| panic!("no {name}"))
        };
        let names: Vec<&str> = axes.iter().map(|axis| axis.name).collect();
        let condition = |(name, values): &(&str, &[&str])| {
            let axis = place(&names, name);
            (axis, values.iter().map(|value| place(axes[axis].values, value)).collect())
        };
        Self {
            sizes: axes.iter().map(|axis| axis.values.len()).collect(),
            rules: rules.iter().map(|rule| rule.when.iter().map(condition).collect()).collect(),
        }
    }

    /// The first rule that the values break which are chosen so far.
    fn broken(&self, cell: &Partial) -> Option<usize> {
        let matches = |(axis, values): &(usize, Vec<usize>)| {
            cell[*axis].is_some_and(|value| values.contains(&value))
        };
        self.rules.iter().position(|rule| rule.iter().all(matches))
    }

    /// Whether the other values can be chosen so that no rule is broken.
    fn can_be_completed(&self, cell: &mut Partial) -> bool {
        if self.broken(cell).is_some() {
            return false;
        }
        let Some(axis) = cell.iter().position(Option::is_none) else { return true };
        let possible = (0..self.sizes[axis]).any(|value| {
            cell[axis] = Some(value);
            self.can_be_completed(cell)
        });
        cell[axis] = None;
        possible
    }

    fn with(&self, cell: &Partial, axis: usize, value: usize) -> Option<Partial> {
        let mut next = cell.clone();
        next[axis] = Some(value);
        self.can_be_completed(&mut next.clone()).then_some(next)
    }
}

/// All choices of `count` numbers below `limit`, in order.
fn subsets(limit: usize, count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for last in 0..limit {
        for mut rest in subsets(last, count - 1) {
            rest.push(last);
            all.push(rest);
        }
    }
    all
}

/// The combinations of some axes' values that no cell holds yet.
struct Missing {
    axes: Vec<usize>,
    open: Vec<bool>,
}

impl Missing {
    /// The place of the combination that a cell holds; `None` if it has not chosen all its values.
    fn place(&self, sizes: &[usize], cell: &Partial) -> Option<usize> {
        self.axes.iter().try_fold(0, |place, &axis| Some(place * sizes[axis] + cell[axis]?))
    }

    fn values(&self, sizes: &[usize], mut place: usize) -> Partial {
        let mut cell = vec![None; sizes.len()];
        for &axis in self.axes.iter().rev() {
            cell[axis] = Some(place % sizes[axis]);
            place /= sizes[axis];
        }
        cell
    }
}

/// Cells in which each combination of `strength` values stands that the rules allow.
///
/// # Panics
/// A rule names what is not there; or a combination is impossible though no rule alone says so.
#[must_use]
pub fn covering(axes: &[Axis], rules: &[Rule], strength: usize) -> Covering {
    let space = Space::new(axes, rules);
    let sizes = &space.sizes;
    let mut made =
        Covering { cells: Vec::new(), combinations: 0, impossible: vec![0; rules.len()] };
    let mut missing = Vec::new();
    for axes_of in subsets(axes.len(), strength) {
        let count = axes_of.iter().map(|&axis| sizes[axis]).product();
        let mut of = Missing { axes: axes_of, open: vec![true; count] };
        for place in 0..count {
            let mut cell = of.values(sizes, place);
            if let Some(rule) = space.broken(&cell) {
                made.impossible[rule] += 1;
                of.open[place] = false;
            } else {
                assert!(space.can_be_completed(&mut cell), "{cell:?} is impossible, why?");
                made.combinations += 1;
            }
        }
        missing.push(of);
    }
    // The axes with the most values first: they are the hardest to place.
    let mut order: Vec<usize> = (0..axes.len()).collect();
    order.sort_by_key(|&axis| std::cmp::Reverse(sizes[axis]));
    while let Some(mut cell) = missing.iter().find_map(|of| {
        let place = of.open.iter().position(|&open| open)?;
        Some(of.values(sizes, place))
    }) {
        for &axis in &order {
            if cell[axis].is_some() {
                continue;
            }
            let mut best = (0, None);
            for turn in 0..sizes[axis] {
                // Where several are as good, another one each time.
                let value = (turn + made.cells.len()) % sizes[axis];
                let Some(next) = space.with(&cell, axis, value) else { continue };
                let gained = missing.iter().filter(|of| of.axes.contains(&axis));
                let gained =
                    gained.filter(|of| of.place(sizes, &next).is_some_and(|place| of.open[place]));
                let gained = gained.count();
                if best.1.is_none() || gained > best.0 {
                    best = (gained, Some(next));
                }
            }
            cell = best.1.expect("it can be completed");
        }
        for of in &mut missing {
            let place = of.place(sizes, &cell).expect("a whole cell");
            of.open[place] = false;
        }
        made.cells.push(cell.into_iter().flatten().collect());
    }
    made
}
