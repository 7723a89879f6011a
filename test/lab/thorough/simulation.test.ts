// What is predicted of drains, against the real scheduler: 200 random clusters on one control
// plane each half.
//
// ASCENT_SIMULATION_SEEDS=b-017 plays that one alone; several with commas.

import { describeProof } from '../../support/simulation-proof';

jest.setTimeout(3_600_000);

const asked = (process.env['ASCENT_SIMULATION_SEEDS'] ?? '').split(',').filter((one) => one !== '');
const clusters = 200;

describeProof(
  asked.length > 0
    ? asked
    : Array.from({ length: clusters }, (_, index) => `c${String(index + 1).padStart(3, '0')}`),
  { isChosen: asked.length === 0 },
);
