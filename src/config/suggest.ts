/** "Did you mean": the known names nearest to a misspelt one. */

/** At most three candidates nearest to `given`, in their order; case, `_` and `-` are ignored. */
export function nearest(given: string, candidates: Iterable<string>): string[] {
  const plain = simplify(given);
  const limit = Math.max(1, Math.floor(plain.length / 4));
  const scored = [...new Set(candidates)].map(candidate => ({ candidate, distance: distanceTo(plain, candidate) }));
  const best = Math.min(...scored.map(({ distance }) => distance));
  if (best > limit) return [];
  return scored
    .filter(({ distance }) => distance === best)
    .slice(0, 3)
    .map(({ candidate }) => candidate);
}

/** `"a"`, `"a" or "b"`, `"a", "b" or "c"`. */
export function quotedAlternatives(names: readonly string[]): string {
  const quoted = names.map(name => `"${name}"`);
  return quoted.length < 2 ? quoted.join('') : `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`;
}

/** Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours, each of cost 1. */
export function editDistance(a: string, b: string): number {
  // Only three rows of the table are needed at a time: i − 2 (for swaps), i − 1 and i.
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min(substitution, previous[j]! + 1, current[j - 1]! + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, beforePrevious[j - 2]! + 1);
      }
      current.push(cost);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length]!;
}

function distanceTo(plain: string, candidate: string): number {
  const other = simplify(candidate);
  // A prefix such as `cifar` of `cifar100` is near, although many letters are missing.
  if (plain.length >= 3 && other.startsWith(plain)) return Math.min(1, other.length - plain.length);
  return editDistance(plain, other);
}

function simplify(name: string): string {
  return name.toLowerCase().replace(/[_-]/g, '');
}
