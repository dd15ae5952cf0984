/** What /v2/stats/store tells (v2store/stats.go), under its names there. Since the object is in memory. */
export interface V2Stats {
  getsSuccess: number
  getsFail: number
  setsSuccess: number
  setsFail: number
  deleteSuccess: number
  deleteFail: number
  updateSuccess: number
  updateFail: number
  createSuccess: number
  createFail: number
  compareAndSwapSuccess: number
  compareAndSwapFail: number
  compareAndDeleteSuccess: number
  compareAndDeleteFail: number
  expireCount: number
}

export type V2Operation =
  | 'gets'
  | 'sets'
  | 'delete'
  | 'update'
  | 'create'
  | 'compareAndSwap'
  | 'compareAndDelete'

/** Of a store that only etcd itself has used so far, for its member and its version, as a new server does. */
export function newStats(): V2Stats {
  return {
    getsSuccess: 0,
    getsFail: 1,
    setsSuccess: 2,
    setsFail: 0,
    deleteSuccess: 0,
    deleteFail: 0,
    updateSuccess: 0,
    updateFail: 0,
    createSuccess: 1,
    createFail: 0,
    compareAndSwapSuccess: 0,
    compareAndSwapFail: 0,
    compareAndDeleteSuccess: 0,
    compareAndDeleteFail: 0,
    expireCount: 0,
  }
}
