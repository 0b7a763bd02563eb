package token

// MissingImports is missingImports, for tests on systems that load no DLL.
var MissingImports = missingImports
