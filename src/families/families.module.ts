import { Module } from '@nestjs/common';
import { System } from '../system.js';
import { FamiliesController } from './families.controller.js';
import { FamiliesService } from './families.service.js';
import { FamilyMembersService } from './family-members.service.js';
import { FamilyRecordsService } from './family-records.service.js';

@Module({
  controllers: [FamiliesController],
  providers: [
    { provide: FamilyRecordsService, inject: [System], useFactory: records },
    { provide: FamilyMembersService, inject: [System, FamilyRecordsService], useFactory: members },
  ],
})
export class FamiliesModule {}

function records({ orm, ids, pool }: System): FamilyRecordsService {
  return new FamilyRecordsService(new FamiliesService(orm.em, ids), pool);
}

function members({ ids, pool }: System, records: FamilyRecordsService): FamilyMembersService {
  return new FamilyMembersService(records, pool, ids);
}
