/** @type {import('jest').Config} */
module.exports = {
	...require('../e2e/jest.config'),
	roots: ['<rootDir>/test/browser'],
	maxWorkers: 1,
	// A person's steps in the editor, one after the other.
	testTimeout: 600_000,
};
