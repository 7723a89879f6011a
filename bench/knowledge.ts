// The catalogue against real programs: API servers of every minor in the toolchain, with all APIs
// switched on, and the help of each component. Counts what does not agree; the target is 0.

import { shippedKnowledge } from '../domain/knowledge/shipped';
import { kubernetesVersions } from '../lab/toolchain/catalogue';
import type { RealMinor } from './catalogue/mismatches';
import { mismatchesOf } from './catalogue/mismatches';
import { realMinor } from './catalogue/programs';
import { type BenchmarkOptions, type Figures, figuresOf } from './statistics';

export async function knowledgeBenchmark({
  runs,
  interruption,
}: BenchmarkOptions): Promise<Figures> {
  const figures: Record<string, number>[] = [];
  for (let run = 1; run <= runs; run += 1) {
    const reals: RealMinor[] = [];
    for (const version of kubernetesVersions) {
      const real = await realMinor(version, interruption.signal);
      reals.push(real);
      const components = real.flags.map(({ component }) => component).join(', ');
      process.stdout.write(
        `${version}: ${real.served.length} resources, ${real.gates.size} gates; ${components}\n`,
      );
    }
    const mismatches = await mismatchesOf(shippedKnowledge, reals);
    for (const line of mismatches) process.stdout.write(`  ${line}\n`);
    figures.push({
      minors: reals.length,
      mismatches: mismatches.length,
      resources: reals.reduce((sum, { served }) => sum + served.length, 0),
    });
  }
  return figuresOf(figures);
}
