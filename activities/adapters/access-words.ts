// What several parts of an access file are made of.

import * as z from 'zod';

export const filePath = z.string().min(1, 'expected a path');
