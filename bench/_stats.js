/** Gives the middle of some numbers, their lower quartile, and the least and the greatest. */
export function spread(values) {
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length >> 1
  const median = sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
  return { median, lower: sorted[sorted.length >> 2], min: sorted[0], max: sorted.at(-1) }
}

/** Writes a spread as `114 (110–120)`. */
export function format({ median, min, max }, digits = 0) {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`
}
