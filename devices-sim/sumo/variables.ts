/**
 * The numbers of TraCI's commands and variables this simulator uses, by SUMO's own names.
 * Source: SUMO's documentation, "TraCI/Protocol" and the pages it links (version 1.15; unchanged in later ones).
 */
export const getCommand = {
  trafficLight: 0xa2,
  lane: 0xa3,
  vehicle: 0xa4,
  simulation: 0xab,
} as const

export const setTrafficLight = 0xc2
export const subscribeVehicle = 0xd4
export const subscribeSimulation = 0xdb
export const vehicleValues = 0xe4
export const simulationValues = 0xeb

export const variable = {
  idList: 0x00,
  end: 0x1d,
  collisions: 0x80,
  time: 0x66,
  stepLength: 0x7b,
  departedIds: 0x74,
  arrivedIds: 0x7a,
  pendingIds: 0x94,
  expectedVehicles: 0x7d,
  lampState: 0x20,
  controlledLinks: 0x27,
  programs: 0x2b,
  currentProgram: 0x29,
  length: 0x44,
  speedMax: 0x41,
  links: 0x33,
  foes: 0x37,
  route: 0x54,
  speed: 0x40,
  laneId: 0x51,
  lanePosition: 0x56,
  timeLoss: 0x8c,
} as const
