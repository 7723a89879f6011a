// The smallest lab, for tests that need its files and no process.

import type { LabShape } from '../../lab/lab-file';

export const smallShape = {
  name: 'unit',
  version: '1.28.15',
  members: 1,
  nodes: 1,
  zones: 1,
  workloads: 'none',
  pods: 0,
} as const satisfies LabShape;
