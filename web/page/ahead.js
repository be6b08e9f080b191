/** Comes before all else of the page, so that the worker starts while the page does. */

import { startEarly } from '../library/connection.js';

startEarly();
