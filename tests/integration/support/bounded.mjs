// Waits that end: on the event they wait for, or with an error that names it.

/// Sanitized builds are slower and larger, and shared machines stall; nothing here measures by these bounds.
export const kPatience = (process.env.TOLLGATE_SANITIZER ? 4 : 1) * 10_000;
const kMemoryFactor = process.env.TOLLGATE_SANITIZER ? 10 : 1;

/// A bound for the memory of the program under test.
export const megabytes = (count) => count * kMemoryFactor * 1e6;

/// `promise`, or an error naming `what` after `ms`.
export function within(promise, what, ms = kPatience) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms} ms in vain for ${what}`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/// Asks `probe` (may be async) until it answers something truthy, which is returned.
export async function eventually(probe, what, ms = kPatience) {
  const end = performance.now() + ms;
  for (;;) {
    const answer = await probe();
    if (answer) return answer;
    if (performance.now() > end) throw new Error(`waited ${ms} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/// A promise with its two ends in hand.
export function deferred() {
  const self = {};
  self.promise = new Promise((resolve, reject) => Object.assign(self, { resolve, reject }));
  return self;
}

export const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
