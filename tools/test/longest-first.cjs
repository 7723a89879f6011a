// The order in which Jest takes test files: first those that ask for the most time, so that no lane
// ends with ten minutes of one file while the others stand idle. A fresh clone knows no durations,
// but `jest.setTimeout` of a file tells what its tests may take. Else Jest's own order.
'use strict';

const { readFileSync } = require('node:fs');
const { default: Sequencer } = require('@jest/test-sequencer');

/** Milliseconds that the file asks for, 0 where it asks for none. */
function allowedMs({ path }) {
  const asked = /^jest\.setTimeout\(([\d_]+)\);$/m.exec(readFileSync(path, 'utf8'))?.[1] ?? '0';
  return Number(asked.replaceAll('_', ''));
}

module.exports = class LongestFirst extends Sequencer {
  sort(tests) {
    const allowed = new Map(tests.map((test) => [test, allowedMs(test)]));
    return super.sort(tests).toSorted((one, other) => allowed.get(other) - allowed.get(one));
  }
};
