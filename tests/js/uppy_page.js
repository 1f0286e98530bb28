// The page that uploads with Uppy's tus plugin. Its origin is not the server's.
import Uppy from '@uppy/core'
import Tus from '@uppy/tus'

let uppy
let id
let release = () => {}

// What happens is told to the test.
const say = (event, more = {}) => window.tell(JSON.stringify({ event, ...more }))

function beforeRequest (job) {
  let held = false
  return (req) => {
    const offset = Number(req.getHeader('Upload-Offset'))
    if (req.getMethod() !== 'PATCH' || held || !(offset >= job.holdAt)) return undefined
    held = true
    say('hold', { offset })
    return new Promise((resolve) => { release = resolve })
  }
}

// Uploads what stands at job.file on the page's own origin. It stops before the first PATCH from
// job.holdAt on until go() is called, and pauses once job.pauseAt bytes have been sent.
window.begin = async (job) => {
  let paused = false
  const data = await (await fetch(job.file)).blob()
  uppy = new Uppy({ autoProceed: false })
  uppy.use(Tus, {
    endpoint: job.endpoint,
    headers: { Authorization: `Bearer ${job.token}` },
    retryDelays: [0, 200, 500, 1000, 2000, 4000, 8000],
    chunkSize: job.chunkSize,
    ...job.options,
    onBeforeRequest: beforeRequest(job),
    onAfterResponse: (req, res) => say('response', {
      method: req.getMethod(),
      status: res.getStatus(),
      uploadId: res.getHeader('Upload-Id'),
      location: res.getHeader('Content-Location')
    })
  })
  uppy.on('upload-progress', (file, progress) => {
    say('progress', { sent: progress.bytesUploaded })
    if (paused || !(progress.bytesUploaded >= job.pauseAt)) return
    paused = true
    uppy.pauseResume(id)
    say('paused')
  })
  uppy.on('upload-success', (file, response) => say('success', { url: response.uploadURL }))
  uppy.on('upload-error', (file, error) => say('error', { message: error.message }))
  id = uppy.addFile({
    name: 'from a browser.wav',
    type: 'audio/wav',
    // The same file after a reload: its date is part of its fingerprint.
    data: new File([data], 'from a browser.wav', { type: 'audio/wav', lastModified: 1 })
  })
  uppy.upload()
}

window.go = () => release()
window.resume = () => uppy.pauseResume(id)
window.cancel = () => uppy.removeFile(id)
