# Sourced by the other scripts: goes to the repository's root, gets Bun when it is missing, installs the libraries.
cd "$(dirname "${BASH_SOURCE[0]}")/.."

BUN_VERSION=1.4.5

say() { printf '%s\n' "$*" >&2; }
fail() { printf '%s\n' "$@" >&2; exit 1; }

has_bun() { [ "$(bun --version 2>/dev/null)" = "$BUN_VERSION" ]; }

# Bun of another version may be installed for other work: ours stays in .bun.
get_bun() {
  export PATH="$PWD/.bun/node_modules/.bin:$PATH"
  has_bun && return
  command -v npm >/dev/null || fail "Bun $BUN_VERSION is missing, and npm, which would get it, too: install Node.js with npm."
  say "getting Bun $BUN_VERSION"
  mkdir -p .bun
  npm install --prefix .bun --no-save --no-audit --no-fund --loglevel=error "bun@$BUN_VERSION" >&2 ||
    fail "npm could not get Bun $BUN_VERSION: see above."
  # Where npm is told to run no install scripts, the package is there but the program is not.
  has_bun || (cd .bun/node_modules/bun && node install.js >&2)
  hash -r
  has_bun || fail "Bun $BUN_VERSION could not be installed: try npm install -g bun@$BUN_VERSION."
}

has_bun || get_bun
installed=$(bun install --frozen-lockfile 2>&1) || fail "$installed" "The libraries could not be installed: see above."
