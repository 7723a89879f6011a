// The workflows as the sandbox loads them, without making them once more.

import type { WorkflowBundlePath } from '@temporalio/worker';
import { resolve } from 'node:path';

/** The sources as they are now, made once a run (tools/test/bundle-workflows.cjs). */
export function workflowBundle(): WorkflowBundlePath {
  const codePath = process.env['ASCENT_TEST_WORKFLOW_BUNDLE'];
  if (codePath === undefined) throw new Error('only the project `workflow` makes a bundle');
  return { codePath };
}

/** That of the build, which a lab's own workers have too. */
export function builtWorkflowBundle(): WorkflowBundlePath {
  return { codePath: resolve(__dirname, '../../dist/workflow-bundle.js') };
}
