// Importing this module defines <image-classifier>.
import './element.js';

export {};
