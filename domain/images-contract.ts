// Input and result of the activity that brings images to machines (activity-contract.ts).

import type { ClusterInput } from './activity-contract';
import type { ImagesStep } from './plan/plan';

export interface PullImagesInput extends ClusterInput, Omit<ImagesStep, 'kind'> {}

export type PullImagesResult =
  | {
      readonly kind: 'present';
      readonly machines: number;
      /** Images that were not there: of all machines, each counted by itself. */
      readonly pulled: number;
      /** Names of images whose tags nobody knew beforehand; absent where all were known. */
      readonly unknown?: readonly string[];
    }
  /** The driver brings none any more: its access file was changed since the plan was made. */
  | { readonly kind: 'left' };

export interface ImageActivities {
  /** Changes nothing that runs. */
  pullImages(input: PullImagesInput): Promise<PullImagesResult>;
}
