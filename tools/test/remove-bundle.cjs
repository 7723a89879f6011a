// Jest's globalTeardown of the project `workflow`: takes away what bundle-workflows.cjs made.
'use strict';

const { rmSync } = require('node:fs');
const path = require('node:path');

module.exports = () => {
  const file = process.env.ASCENT_TEST_WORKFLOW_BUNDLE;
  if (file !== undefined) rmSync(path.dirname(file), { recursive: true, force: true });
};
