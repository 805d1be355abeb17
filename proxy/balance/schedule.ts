/** More turns than this are not laid out: shares are then as near to the weights as so many turns allow. */
const TURNS_MAX = 1024;
/** Weights are told apart to this part of one: slow start makes fractions. */
const PARTS = 100;

/**
 * Which of the weights has its turn when, over one whole round: indexes, spread out as nginx's smooth weighted round
 * robin does: every turn each gains its weight, the largest is taken and gives the sum back.
 */
export function smoothSchedule(weights: readonly number[]): number[] {
  const shares = sharesOf(weights);
  const sum = shares.reduce((a, b) => a + b, 0);
  const current = shares.map(() => 0);
  return Array.from({ length: sum }, () => {
    let best = 0;
    for (let i = 0; i < shares.length; i++) {
      current[i]! += shares[i]!;
      if (current[i]! > current[best]!) best = i;
    }
    current[best]! -= sum;
    return best;
  });
}

/** Small whole numbers in the proportion of the weights, each at least 1. */
function sharesOf(weights: readonly number[]): number[] {
  const parts = weights.map((weight) => Math.max(1, Math.round(weight * PARTS)));
  const divisor = parts.reduce(greatestCommonDivisor, 0);
  const whole = parts.map((part) => part / divisor);
  const sum = whole.reduce((a, b) => a + b, 0);
  if (sum <= TURNS_MAX) return whole;
  return whole.map((share) => Math.max(1, Math.round((share * TURNS_MAX) / sum)));
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
