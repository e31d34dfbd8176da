import { Module } from '@nestjs/common';
import { System } from '../system.js';
import { FamiliesController } from './families.controller.js';
import { FamiliesService } from './families.service.js';
import { FamilyCorrectionService } from './family-correction.service.js';
import { FamilyDesk } from './family-desk.js';
import { FamilyMembersService } from './family-members.service.js';
import { FamilyRecordsService } from './family-records.service.js';

@Module({
  controllers: [FamiliesController],
  providers: [
    { provide: FamilyRecordsService, inject: [System], useFactory: records },
    { provide: FamilyDesk, inject: [System, FamilyRecordsService], useFactory: desk },
    { provide: FamilyMembersService, inject: [System, FamilyDesk], useFactory: members },
    { provide: FamilyCorrectionService, inject: [FamilyDesk], useFactory: correction },
  ],
})
export class FamiliesModule {}

function records({ orm, ids, pool }: System): FamilyRecordsService {
  return new FamilyRecordsService(new FamiliesService(orm.em, ids), pool);
}

function desk({ pool }: System, records: FamilyRecordsService): FamilyDesk {
  return new FamilyDesk(records, pool);
}

function members({ ids }: System, desk: FamilyDesk): FamilyMembersService {
  return new FamilyMembersService(desk, ids);
}

function correction(desk: FamilyDesk): FamilyCorrectionService {
  return new FamilyCorrectionService(desk);
}
