// Decides about many requests to AWS in one process: a list of simulations as JSON on stdin, a list of decisions on stdout.
// What a simulation is: https://github.com/cloud-copilot/iam-simulate
import { readFileSync } from 'node:fs'
import { runSimulation } from '@cloud-copilot/iam-simulate'

const simulations = JSON.parse(readFileSync(0, 'utf8'))
const decided = await Promise.all(
  simulations.map(async (one) => {
    const made = await runSimulation(one, {})
    return made.resultType === 'error'
      ? { result: 'error', why: JSON.stringify(made.errors) }
      : { result: made.overallResult, ignored: made.result?.ignoredContextKeys ?? [] }
  })
)
process.stdout.write(JSON.stringify(decided))
