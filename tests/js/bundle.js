// Bundles the script argv[2] with the packages it imports into argv[3], for a browser.
'use strict'
require('esbuild').buildSync({
  entryPoints: [process.argv[2]],
  outfile: process.argv[3],
  bundle: true,
  format: 'iife',
  nodePaths: [process.env.NODE_PATH],
  logLevel: 'warning'
})
