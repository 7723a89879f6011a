// Jest's globalSetup of the project `workflow`: bundles the workflows once a run, where every file
// used to do so. In a process of its own, so that neither webpack nor the SDK stays in Jest's.
'use strict';

const { execFileSync } = require('node:child_process');
const { mkdtempSync } = require('node:fs');
const { tmpdir } = require('node:os');
const path = require('node:path');

module.exports = () => {
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'ascent-bundle-')), 'workflows.js');
  execFileSync(process.execPath, [path.join(__dirname, 'write-bundle.mjs'), file], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  // Jest starts its workers after this, and they inherit it.
  process.env.ASCENT_TEST_WORKFLOW_BUNDLE = file;
};
