// The add-ons that ship: knowledge/addons/*.yaml as tools/knowledge/write.mjs has read them. A test
// fails while the two differ.

import type { Addon } from './addons';
import files from './shipped-addons.json';

export const shippedAddons = files as unknown as readonly Addon[];
