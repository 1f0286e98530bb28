// Uploads a file with tus-js-client as the job (argv[2], JSON) says. It stops before the first PATCH
// from `holdAt` on, says `hold`, and goes on when it is told {"do": "go"}; {"do": "abort"} aborts,
// and with {terminate: true} ends the upload; {"do": "start"} starts again.
'use strict'
const fs = require('fs')
const { PassThrough } = require('stream')
const tus = require('tus-js-client')
const { say, listen, end } = require('./say.js')

const job = JSON.parse(process.argv[2])
let upload
let held = false

// A length is deferred where it is not known: of a stream that is no file.
function source () {
  const file = fs.createReadStream(job.file)
  return job.options.uploadLengthDeferred ? file.pipe(new PassThrough()) : file
}

async function beforeRequest (req) {
  if (req.getMethod() !== 'PATCH' || held || !(Number(req.getHeader('Upload-Offset')) >= job.holdAt)) return
  held = true
  say('hold', { offset: Number(req.getHeader('Upload-Offset')) })
  await obey()
}

async function obey () {
  const order = await listen()
  if (order.do === 'abort') {
    await upload.abort(Boolean(order.with && order.with.terminate))
    say('aborted')
    await obey()
  } else if (order.do === 'start') {
    begin()
  }
}

async function begin () {
  const previous = job.storage ? await upload.findPreviousUploads() : []
  if (previous.length > 0) upload.resumeFromPreviousUpload(previous[0])
  say('begin', { previous: previous.length })
  upload.start()
}

upload = new tus.Upload(source(), {
  endpoint: job.endpoint,
  headers: { Authorization: `Bearer ${job.token}` },
  metadata: { filename: 'from node.wav', filetype: 'audio/wav', speaker: 'Ada' },
  retryDelays: [0, 200, 500, 1000, 2000, 4000, 8000],
  ...(job.storage ? { urlStorage: new tus.FileUrlStorage(job.storage) } : {}),
  ...job.options,
  onBeforeRequest: beforeRequest,
  onUploadUrlAvailable: () => say('url', { url: upload.url }),
  onProgress: (sent) => say('progress', { sent }),
  onSuccess: ({ lastResponse }) => {
    say('success', {
      url: upload.url,
      uploadId: lastResponse.getHeader('Upload-Id'),
      location: lastResponse.getHeader('Content-Location')
    })
    end()
  },
  onError: (error) => {
    const response = error.originalResponse
    say('error', {
      message: error.message,
      status: response ? response.getStatus() : 0,
      body: response ? response.getBody() : ''
    })
    end()
  }
})
begin()
