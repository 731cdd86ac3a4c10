const { transform, transformIgnorePatterns } = require('../../jest.config');

/** @type {import('jest').Config} */
module.exports = {
	rootDir: '../..',
	roots: ['<rootDir>/test/e2e'],
	testEnvironment: 'node',
	transform,
	transformIgnorePatterns,
	modulePathIgnorePatterns: ['<rootDir>/test/e2e/node_modules'],
	// A tick of polling comes once a minute.
	testTimeout: 240_000,
};
