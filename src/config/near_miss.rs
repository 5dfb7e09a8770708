//! Which known name a misspelt one probably means.

/// A name in lower case that is not known.
pub(crate) struct Word<'w> {
    text: &'w str,
    letters: Letters,
    /// The most letters that a name may be away from it: two make another word of a short name.
    allowed: usize,
}

impl<'w> Word<'w> {
    pub(crate) const fn new(text: &'w str) -> Self {
        Self { text, letters: Letters::of(text), allowed: if text.len() < 6 { 1 } else { 2 } }
    }

    /// Whether a name with these letters may be near enough. Most names of an environment are much longer or shorter, or
    /// have other letters, which is quick to see.
    pub(crate) const fn may_be_near(&self, name: &str, letters: Letters) -> bool {
        name.len().abs_diff(self.text.len()) <= self.allowed && self.letters.are_like(letters, self.allowed)
    }

    /// The most similar of these names, unless it is too far away.
    pub(crate) fn nearest<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
        names
            .into_iter()
            // The distance itself costs more.
            .filter(|name| self.may_be_near(name, Letters::of(name)) && self.has_letters_of(name))
            .map(|name| (strsim::osa_distance(self.text, name), name))
            .filter(|(distance, _)| *distance <= self.allowed)
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, name)| name)
    }

    /// Whether each has at most as many letters that the other one lacks as a near name may have, each letter counted.
    fn has_letters_of(&self, name: &str) -> bool {
        let mut counts = [0_i32; 64];
        self.text.bytes().for_each(|byte| counts[usize::from(byte & 63)] += 1);
        name.bytes().for_each(|byte| counts[usize::from(byte & 63)] -= 1);
        let missing = |sign: i32| counts.iter().map(|count| (count * sign).max(0)).sum::<i32>();
        [1, -1]
            .into_iter()
            .all(|sign| usize::try_from(missing(sign)).is_ok_and(|number| number <= self.allowed))
    }
}

/// The letters that a name has, one bit for each. Two characters may share a bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Letters(u64);

impl Letters {
    pub(crate) const fn of(name: &str) -> Self {
        let (bytes, mut letters, mut at) = (name.as_bytes(), 0, 0);
        while at < bytes.len() {
            letters |= 1_u64 << (bytes[at] & 63);
            at += 1;
        }
        Self(letters)
    }

    /// Whether each has at most this number of letters that the other one lacks, as names must that are this near.
    const fn are_like(self, other: Self, allowed: usize) -> bool {
        (self.0 & !other.0).count_ones() as usize <= allowed
            && (other.0 & !self.0).count_ones() as usize <= allowed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_nearest_name_is_found() {
        for (written, nearest) in [("staet", Some("state")), ("kye", Some("key")), ("stat_key", None)] {
            assert_eq!(Word::new(written).nearest(["key", "state", "commit"]), nearest, "{written}");
        }
    }

    proptest! {
        #[test]
        fn no_near_name_is_passed_over(written in "[a-z_0-9]{1,12}", name in "[a-z_0-9]{1,12}") {
            let word = Word::new(&written);
            let is_near = strsim::osa_distance(&written, &name) <= word.allowed;
            prop_assert!(!is_near || word.may_be_near(&name, Letters::of(&name)) && word.has_letters_of(&name), "{written} {name}");
        }
    }
}
