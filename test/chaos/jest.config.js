const common = require('../../jest.config.js');

/** @type {import('jest').Config} */
module.exports = { ...common, rootDir: '../..', roots: ['<rootDir>/test/chaos'] };
