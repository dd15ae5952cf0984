/** Why a file is not taken: the message ends a line that begins with the file's name. */
export class FileProblem extends Error {
  override readonly name = 'FileProblem'
}
