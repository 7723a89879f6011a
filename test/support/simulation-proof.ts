// The proof of the simulation as tests, for each list of seeds.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { ProofReport } from '../../bench/simulation/proof';
import { precision, proveSimulation, recall } from '../../bench/simulation/proof';
import { labDown, labUp } from '../../lab/lab';

/** `isChosen`: together they hold pods and nodes of both kinds, which no single seed must. */
export function describeProof(
  seeds: readonly string[],
  { isChosen }: { readonly isChosen: boolean },
): void {
  describe('what is predicted of drains', () => {
    let root: string;
    let report: ProofReport;

    beforeAll(async () => {
      root = await mkdtemp(path.join(tmpdir(), 'ascent-simulation-'));
      const stateDir = path.join(root, 'lab');
      const shape = { name: 'simulation', members: 1, nodes: 2, workloads: 'none' } as const;
      const lab = await labUp({ ...shape, stateDir, version: '1.30.14' });
      report = await proveSimulation(lab, seeds, (line) => process.stdout.write(`${line}\n`));
      const { misses: _, ...figures } = report;
      process.stdout.write(`${JSON.stringify(figures)}\n`);
    });

    afterAll(async () => {
      await labDown({ stateDir: path.join(root, 'lab') });
      await rm(root, { recursive: true, force: true });
    });

    it('is played to the end for every cluster', () => {
      expect(report.clusters).toBe(seeds.length);
    });

    it('comes as predicted', () => {
      if (isChosen) {
        expect(Math.min(report.pods.hits, report.nodes.hits)).toBeGreaterThan(0);
        expect(precision(report)).toBeGreaterThanOrEqual(0.97);
        expect(recall(report)).toBeGreaterThanOrEqual(0.97);
      } else {
        expect(report.misses).toEqual([]);
      }
    });
  });
}
