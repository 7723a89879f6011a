// A lab for one benchmark: brought up, handed over, and taken down however the work ends. A signal
// ends the work where it is: what it still waits for fails when the lab is gone, unheard.

import { bringUp, type Ground, type GroundOptions } from '../bin/demo/ground';
import type { Interruption, Started } from '../bin/interruption';
import { defaultStateDir } from '../lab/layout';
import { stillRunning } from '../lab/still-running';
import { BenchLab } from './bench-lab';

export interface LabWanted {
  readonly shape: GroundOptions & { readonly name: string };
  readonly interruption: Interruption;
}

/** Rejects as `use` does, or with what interrupted it; the lab is gone then. */
export function withLab<Result>(
  { shape, interruption }: LabWanted,
  use: (lab: BenchLab, ground: Ground) => Promise<Result>,
): Promise<Result> {
  const { signal } = interruption;
  return interruption.whileTearingDown(benchLabNamed(shape.name), async () => {
    const ground = await bringUp({ ...shape, signal }, () => undefined);
    try {
      const lab = await BenchLab.open(ground, signal);
      try {
        return await Promise.race([use(lab, ground), rejectedBy(signal)]);
      } finally {
        await lab.close();
      }
    } finally {
      await ground.tearDown();
    }
  });
}

/** What an interruption says of the lab of that name. */
export function benchLabNamed(name: string): Started {
  return {
    what: `lab ${name}`,
    endWith: `npm run ascent -- lab down --name ${name}`,
    left: () => stillRunning(defaultStateDir(name)),
  };
}

function rejectedBy(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}
